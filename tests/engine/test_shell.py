"""The shell: its result, its exit codes, its messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.shell.command import run
from airflow_savemasks.stopping import Stopping
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (None, 1)])
def test_a_signal_that_is_obeyed_stops_an_export_and_is_its_exit_code(
    words: list[str], tmp_path: Path, number: int | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """None: something else than a signal has asked for the stop."""
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    stopping = Stopping()
    stopping.install()
    try:
        stopping.obeyed()
        if number is None:
            stopping.event.set()
        else:
            signal.raise_signal(number)
        assert run(["export", *words], stopping) == code
    finally:
        for one, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(one, handler)
    assert "stopped: " in capsys.readouterr().err
    assert not (tmp_path / "out/export.tar").exists()


@pytest.mark.parametrize("verb", ["clean", "verify"])
def test_a_stop_is_obeyed_while_archives_or_work_folders_are_read(
    words: list[str], tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    (tmp_path / "out" / folder_of("another")).mkdir(parents=True)
    stopping = Stopping()
    stopping.event.set()
    place = {"clean": tmp_path / "out", "verify": tmp_path / "out/export.tar"}[verb]
    assert run([verb, str(place)], stopping) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "stopped"


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
    assert main([*words, "--limit", "labels=2e5"]) == 2
    assert "limits.labels: '2e5' is no whole number" in capsys.readouterr().err
    for wrong in ("labels", "=3", "labels="):
        assert main([*words, "--limit", wrong]) == 2
        assert "NAME=NUMBER" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["export", "layer.json"], "--team-files"),
        (["plan", "layer.json"], "--team-files"),
        (["extract", "x.tar"], "--out"),
        (["ingest", "inbox"], "--project, --dataset"),
        (["ingest", "inbox", "--project", "p"], "--dataset"),
        ([], "VERB"),
    ],
)
def test_what_a_verb_cannot_do_without_is_asked_for(
    words: list[str], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith(f"the following arguments are required: {missing}")


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


def test_a_plan_is_a_report_on_the_screen_and_json_on_standard_output(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "project" / "ds0" / "ann" / "0001.png.json").write_text("{")
    (tmp_path / "project" / "ds0" / "img" / "0002.jpg").write_bytes(b"\xff\xd8")
    assert main(["plan", *words, "--bad-items", str(tmp_path / "bad.jsonl"), "--gate", "min_items=9"]) == 0
    done = capsys.readouterr()
    told = json.loads(done.out)
    assert (told["dry_run"], told["items"]["skipped"]) == (True, 1)
    said = done.err.splitlines()
    assert f"{tmp_path}/out/export.tar would be new" in said
    assert "4 items: 4 to render, 0 reused, 1 bad; 4 added, 0 removed" in said
    assert "size unknown: no archive of this name is there yet" in done.err
    assert "leaf   3      3       100,100,100  0,255,0" in said
    assert "ds0/0002.png       0002_1.png" in said
    assert "would fail: 1 bad item; none may be left out" in said
    assert "would fail: gate min_items: 4 items, at least 9 are wanted" in said
    assert any(line.startswith("ds0/0001.png  broken JSON (") for line in said)
    assert [json.loads(line)["item"] for line in (tmp_path / "bad.jsonl").read_text().splitlines()] == ["ds0/0001.png"]
    assert not (tmp_path / "out").exists()


def test_a_plan_of_what_is_there_says_what_it_takes(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    make_project(tmp_path / "project", items=3)
    (tmp_path / "project" / "ds0" / "img" / "0003.png").unlink()
    capsys.readouterr()
    assert main(["plan", *words]) == 0
    said = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}/out/export.tar would be replaced" in said
    assert "3 items: 3 to render, 0 reused; 0 added, 1 removed" in said
    assert any(line.startswith("about ") and "about 0 s" in line for line in said)
    assert said[said.index("removed") + 1] == "ds0/0003.png"


def test_a_file_for_bad_items_that_cannot_be_written_is_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *words, "--bad-items", str(tmp_path / "no" / "bad.jsonl")]) == 2
    assert "bad.jsonl: cannot be written" in capsys.readouterr().err


def test_clean_lists_work_folders_and_removes_the_old_ones(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "project" / "ds0" / "img" / "0001.png").write_bytes(b"broken")
    assert main(words) == 1
    work = tmp_path / "out" / folder_of("export")
    for path in work.iterdir():
        os.utime(path, (path.stat().st_mtime - 40 * 86400,) * 2)
    capsys.readouterr()
    assert main(["clean", str(tmp_path / "out"), "--dry-run"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["folders"][0]["fate"] == "would be removed"
    assert any(line.startswith(str(work)) and line.endswith("40.0  would be removed") for line in said.err.splitlines())
    assert main(["clean", str(tmp_path / "out"), "--older-than", "50"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 0
    assert main(["clean", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 1
    assert not work.exists()
    assert main(["clean", str(tmp_path / "out"), "--older-than", "soon"]) == 2
    assert "--older-than: 'soon' is no number from 0 on" in capsys.readouterr().err
