"""A stop is obeyed within a second wherever an export is, and nothing is published after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.planning import listing
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish import layout
from airflow_savemasks.engine.storage import open_files
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import LAYER, job_of, make_project, run

SOON = 1.5  # seconds: one, and what a busy machine adds


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=12)


def stopped_in(work: Callable[[threading.Event], Any], after: float) -> float:
    """How long after the stop some work raised Stopped."""
    stop, ended = threading.Event(), []

    def run_it() -> None:
        with pytest.raises(Stopped):
            work(stop)
        ended.append(time.monotonic())

    thread = threading.Thread(target=run_it, daemon=True)
    thread.start()
    time.sleep(after)
    assert not ended, "it ended before it was stopped"
    at = time.monotonic()
    stop.set()
    thread.join(20)
    assert ended
    return ended[0] - at


def slowly(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, seconds: float) -> None:
    """Have a function take a while at each call."""
    real = getattr(owner, name)

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(seconds)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, slow)


def test_while_it_is_planned(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, listing, "planned", 0.2)
    job, storage = job_of(project), open_storage(str(tmp_path / "out"))
    assert stopped_in(lambda stop: export(job, storage, stop, Progress()), 0.5) < SOON
    assert not list((tmp_path / "out").glob("export*"))


def test_while_it_is_assembled_the_old_archive_stays(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Path(run(project, tmp_path / "out")["archive"]).read_bytes()
    (project / "ds0/img/0001.png").touch()
    slowly(monkeypatch, layout, "moved", 0.2)
    job, storage = job_of(project), open_storage(str(tmp_path / "out"))
    assert stopped_in(lambda stop: export(job, storage, stop, Progress()), 0.9) < SOON
    assert (tmp_path / "out/export.tar").read_bytes() == old
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 12


def test_while_a_large_range_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "COPIED", 1 << 16)
    with (tmp_path / "big").open("wb") as out:
        out.truncate(8 << 30)
    storage = open_storage(str(tmp_path))
    slowly(monkeypatch, os, "copy_file_range", 0.01)

    def copy(stop: threading.Event) -> None:
        storage.watch(stop)
        storage.compose("copy", [b"head", Range("big", 0, 8 << 30)])

    assert stopped_in(copy, 0.3) < SOON
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big"]


def test_while_a_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, os, "fsync", 5.0)
    storage = open_storage(str(tmp_path))

    def write(stop: threading.Event) -> None:
        storage.watch(stop)
        with storage.writing("x") as out:
            out.write(b"x")

    assert stopped_in(write, 0.3) < SOON
    assert list(tmp_path.iterdir()) == []


def test_while_an_archive_is_verified(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as out:
        out.truncate(64 << 30)
    storage = open_storage(str(tmp_path))

    def read(stop: threading.Event) -> None:
        storage.watch(stop)
        for _ in storage.stream("big", 0, 64 << 30):
            time.sleep(0.001)

    assert stopped_in(read, 0.3) < SOON


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("wait", [0.15, 0.6, 3.0])
def test_ctrl_c_in_the_shell_is_one_line(tmp_path: Path, number: signal.Signals, code: int, wait: float) -> None:
    project = make_project(tmp_path / "project", items=3000)
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    words = [str(tmp_path / "layer.json"), "--source", str(project), "--team-files", str(tmp_path / "out")]
    shell = subprocess.Popen(
        [sys.executable, "-m", "airflow_savemasks", *words, "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(wait)
    if shell.poll() is not None:
        pytest.skip("it was over before the signal came")
    shell.send_signal(number)
    out, errors = shell.communicate(timeout=20)
    if shell.returncode == 0:
        pytest.skip("it was over before the signal came")
    assert shell.returncode == code, errors
    assert out == ""
    assert "Traceback" not in errors
    assert not list((tmp_path / "out").glob("*.tar"))
    said = [line for line in errors.splitlines() if not line.startswith(("INFO", "WARNING"))]
    assert len(said) == 1
