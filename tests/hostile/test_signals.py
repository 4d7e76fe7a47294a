"""Ctrl-C and SIGTERM end the shell soon, with one line, whatever it is doing; a second one ends it at once."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_savemasks.__main__ import main
from tests.engine.samples import LAYER, make_project


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_project(tmp_path / "project")
    return [str(tmp_path / "layer.json"), "--source", str(tmp_path / "project"), "--team-files", str(tmp_path / "out")]


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "airflow_savemasks", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], *signals: int) -> tuple[int, str, str, float]:
    """Send the signals; code, standard output, standard error, seconds until the end."""
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err, time.monotonic() - began


def is_quiet(err: str) -> bool:
    """Whether there is no traceback, and one line that is no line of the log."""
    said = [line for line in err.splitlines() if not line.startswith(("INFO ", "WARNING "))]
    return "Traceback" not in err and len(said) == 1 and said[0].startswith("stopped")


BOTH = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@BOTH
@pytest.mark.parametrize("after", [0, 0.1, 0.2, 0.4])
def test_a_signal_while_it_imports_ends_it_at_once(words: list[str], number: int, code: int, after: float) -> None:
    process = started(*words)
    _wait_until_caught(process)
    time.sleep(after)
    if process.poll() is not None:
        pytest.skip("it was done sooner")
    found, out, err, seconds = ended(process, number)
    if found == 0 and out:
        pytest.skip("it was done sooner")
    assert found == code, err
    assert is_quiet(err), err
    assert seconds < 2


@BOTH
def test_a_signal_while_it_waits_for_a_layer_ends_it_at_once(words: list[str], number: int, code: int) -> None:
    process = started("-", *words[1:])
    time.sleep(1.5)
    assert process.poll() is None
    found, _, err, seconds = ended(process, number)
    assert (found, is_quiet(err)) == (code, True), err
    assert seconds < 1


@BOTH
def test_a_signal_while_it_lists_or_renders_ends_it_soon_and_nothing_is_published(
    words: list[str], tmp_path: Path, number: int, code: int
) -> None:
    make_project(tmp_path / "project", items=3000)
    for moment in ("lists", "renders"):
        process = started(*words)
        if moment == "lists":
            _wait(process, "items.jsonl")
        else:
            assert process.stderr is not None
            while "3000 items, 0 of them finished already" not in process.stderr.readline():
                assert process.poll() is None
        found, out, err, seconds = ended(process, number)
        assert (found, out, is_quiet(err)) == (code, "", True), err
        assert seconds < 3
        assert not list((tmp_path / "out").glob("export*"))


def test_a_second_signal_ends_it_at_once(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, threading, time\n"
        "from airflow_savemasks.stopping import Stopping\n"
        "stopping = Stopping(); stopping.install(); stopping.obeyed()\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the first one asks"
    found, _, err, seconds = ended(process, signal.SIGINT)
    assert (found, is_quiet(err)) == (130, True), err
    assert seconds < 1


def test_verify_obeys_a_signal(words: list[str], tmp_path: Path) -> None:
    big = tmp_path / "big"
    make_project(tmp_path / "project", items=3000)
    words[words.index("--team-files") + 1] = str(big)
    assert main(words) == 0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = started("verify", str(big / "export.tar"))
        _wait(process, "export.tar")
        found, out, err, _ = ended(process, number)
        if found == 0 and out:
            pytest.skip("it was done sooner")
        assert (found, is_quiet(err)) == (code, True), err


def _wait(process: subprocess.Popen[str], name: str) -> None:
    """Until the process has a file open whose name contains this."""
    until = time.monotonic() + 20
    while not _has_open(process.pid, name) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.001)


def _has_open(pid: int, name: str) -> bool:
    """Whether a process has a file open whose name contains this."""
    try:
        return any(name in link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _wait_until_caught(process: subprocess.Popen[str]) -> None:
    """Until the process catches SIGTERM: what comes sooner meets the interpreter's own start."""
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
        if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.002)
