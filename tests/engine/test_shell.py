"""The shell: its result, its exit codes, its messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from airflow_savemasks.__main__ import main
from tests.engine.samples import LAYER, layer, make_project


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_project(tmp_path / "project")
    return [str(tmp_path / "layer.json"), "--source", str(tmp_path / "project"), "--team-files", str(tmp_path / "out")]


def test_the_last_line_of_standard_output_is_the_result(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow_savemasks", *words], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert set(result) == {
        "archive", "manifest", "index", "items", "skipped", "files", "bytes", "unchanged", "seconds", "warnings",
        "unannotated", "orphans", "manifest_sha256", "classes", "class_count", "stages", "sources", "summary",
    }  # fmt: skip
    assert "export.tar: 4 items, 0 of them finished already" in done.stderr


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"--source": "/no/such/place"}, 1, "no meta.json"),
        ({"--source": "$other=/x"}, 2, "'$other'"),
        ({"--volume-size": "0"}, 2, "volume_size"),
        ({"--workers": "many"}, 2, "workers: 'many'"),
        ({"--colour": "red"}, 2, "unrecognized"),
    ],
)
def test_exit_codes(
    words: list[str], change: dict[str, str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value in change.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    try:
        assert main(words) == code
    except SystemExit as ended:
        assert ended.code == code
    assert says in capsys.readouterr().err


def test_a_layer_that_is_refused_or_missing_ends_with_2(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(layer(masks_human="yes")))
    assert main(words) == 2
    assert main(["/no/such/layer.json", *words[1:]]) == 2


def test_bad_items_end_with_1(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "project/ds0/img/0001.png").write_bytes(b"x")
    assert main(words) == 1
    assert main([*words, "--on-bad-item", "skip"]) == 0


def test_verify(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert main(["verify", str(tmp_path / "out/export.tar")]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["items"] == 4
    (tmp_path / "out/export.manifest.json").unlink()
    assert main(["verify", str(tmp_path / "out/export.tar")]) == 1


def test_a_number_that_is_none_and_a_limit_that_does_not_exist_come_in_one_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--workers", "many", "--limit", "lables=5", "--keep-parts-days", "-1"]) == 2
    said = capsys.readouterr().err
    assert "workers: 'many'" in said
    assert "Did you mean 'labels'?" in said
    assert "keep_parts_days" in said


def test_limits_are_named_one_by_one(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--limit", "labels=1", "--limit", "picture_bytes=1000000"]) == 1
    assert "labels" in capsys.readouterr().err
    assert main([*words, "--limit", "labels=2", "--keep-parts-days", "0.5"]) == 0
    for wrong in ("labels", "=3", "labels="):
        assert main([*words, "--limit", wrong]) == 2
        assert "NAME=NUMBER" in capsys.readouterr().err


def test_an_option_cannot_be_shortened(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("--work", "--team-file"):
        with pytest.raises(SystemExit) as ended:
            main([*words, name, "1"])
        assert ended.value.code == 2
    assert "unrecognized" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["team/a/lemons", 'it\'s "so"', "a<b>c", "50% off?#1", "-dash", "x.tar"])
def test_verify_takes_any_name(words: list[str], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "layer.json").write_text(json.dumps({**LAYER, "dst": name}))
    assert main(words) == 0
    archive = json.loads(capsys.readouterr().out.splitlines()[-1])["archive"]
    assert archive.endswith(f"{name}.tar")
    for place in (archive, f"file://{quote(archive)}"):
        assert main(["verify", place]) == 0
        assert json.loads(capsys.readouterr().out)["items"] == 4


def test_verify_takes_a_volume_for_its_archive(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--volume-size", "10000"]) == 0
    assert (tmp_path / "out/export-00002.tar").is_file()
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "out/export-00002.tar")]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == 4


def test_an_export_between_folders_does_not_wait_for_the_import_of_other_backends(
    words: list[str], tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from airflow_savemasks.__main__ import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "found = {'smart_open', 'boto3', 'azure.storage.blob', 'google.cloud.storage'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
