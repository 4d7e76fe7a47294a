"""The shell with streams for its layer, its options and its source."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage import stream
from tests.engine.samples import LAYER, exported, layer
from tests.engine.storage.streams import packed
from tests.engine.storage.web import Web, served


@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_layer_options_and_source_of_the_shell_may_be_streams(
    web: Web, project: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps(LAYER).encode()
    with served() as other:
        other.content = gzip.compress(text) if ending.endswith("gz") else text
        web.gives(packed(project, "tar"))
        words = [f"{other.root}/chunked/layer.{ending}?token=geheim99", "--team-files", str(tmp_path / "out")]
        assert main([*words, "--source", f"{web.root}/plain/x.tar?token=geheim99"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert exported(result) == 5
        other.content = b'{"limits": {"labels": 1}}'
        (tmp_path / "layer.json").write_bytes(text)
        words = [str(tmp_path / "layer.json"), "--team-files", str(tmp_path / "out"), "--source", str(project)]
        assert main([*words, "--options", f"{other.root}/plain/options.json"]) == 1
        assert "labels" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["status/404", "status/403", "status/503", "plain"])
def test_a_layer_that_cannot_be_read_as_a_stream_ends_with_2(
    web: Web, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    web.content = b"\xff\xfe"
    assert main([f"http://kiwi:geheim99@{web.at}/{path}/layer.json?token=geheim98", "--team-files", "out"]) == 2
    said = capsys.readouterr().err
    assert f"error: {web.root}/{path}/layer.json: cannot be read" in said
    assert "geheim" not in said


def test_a_layer_of_any_size_is_not_taken(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="too large: more than 5,000,000 bytes"):
        stream.read_whole(f"{web.root}/endless/layer.json", 5_000_000)


def test_a_source_without_a_name_is_told_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(layer(src=["$a", "$b"])))
    words = [str(tmp_path / "layer.json"), "--team-files", "out", "--source", "http://kiwi:geheim99@h/x.tar?geheim98"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "'http://h/x.tar' has no name" in said
    assert "geheim" not in said


def test_a_killed_shell_leaves_no_work_file(web: Web, tmp_path: Path) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    words = [str(tmp_path / "layer.json"), "--team-files", str(tmp_path / "out"), "--source", f"{web.root}/stall/x.tar"]
    web.content = bytes(10_000_000)
    for number, code in ((15, 143), (9, -9)):
        web.requests.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow_savemasks", *words],
            stderr=subprocess.PIPE,
            env={"TMPDIR": str(tmp_path / "work"), "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        )
        until = time.monotonic() + 20
        while not web.requests and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(number)
        began = time.monotonic()
        _, said = process.communicate(timeout=20)
        assert process.returncode == code, said
        assert time.monotonic() - began < 10
        assert list((tmp_path / "work").iterdir()) == []
