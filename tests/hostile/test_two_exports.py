"""Exports of one archive at once, in processes of their own: one of them publishes, and knows when it no longer may."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import LAYER, WORK, add_item, make_project, run

ROUNDS = 4
TERM = 3.0  # seconds of a lease here
CODE = f"""
import os, signal, sys
from airflow_savemasks.engine.publish import lease
from airflow_savemasks.engine.storage import folder, folder_compose
from airflow_savemasks.engine.storage.folder import FolderStorage

lease.TERM, lease.RENEWED, lease.WAIT = {TERM}, {TERM} / 6, 60.0
at, how = sys.argv[1], getattr(signal, sys.argv[2])
compose, write_if, sync, inside = FolderStorage.compose, FolderStorage.write_if, folder.sync, []

def here(moment):
    if moment == at:
        os.kill(os.getpid(), how)

def composing(self, path, pieces):
    if path == "export.tar":
        here("before the archive")
        inside.append(path)
    try:
        return compose(self, path, pieces)
    finally:
        inside.clear()

def writing_if(self, path, content, known):
    if path == "export.manifest.json":
        here("before the manifest")
    return write_if(self, path, content, known)

def syncing(*given):
    sync(*given)
    if inside:
        here("before the archive gets its name")

FolderStorage.compose, FolderStorage.write_if = composing, writing_if
folder.sync = folder_compose.sync = syncing
from airflow_savemasks.__main__ import main
sys.exit(main(sys.argv[3:]))
"""


@contextlib.contextmanager
def export(project: Path, out: Path, at: str = "", how: str = "SIGSTOP", *more: str) -> Iterator[subprocess.Popen[str]]:
    """The shell, at work; it does not outlive the block."""
    layer = project.with_name(f"{project.name}.json")
    layer.write_text(json.dumps(LAYER))
    words = [at, how, str(layer), "--source", str(project), "--team-files", str(out), *more]
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def published(out: Path) -> dict[str, bytes]:
    """What lies under the archive's names: not what is in the making beside them."""
    return {path.name: path.read_bytes() for path in out.glob("export*") if path.is_file()}


def until_stopped(process: subprocess.Popen[str]) -> None:
    """Wait until a process has stopped itself."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)


def is_right(project: Path, out: Path) -> None:
    """What lies there is what an export from nothing makes; what others left goes once its days are over."""
    assert run(project, out, keep_parts_days=0)["unchanged"]
    fresh = out.with_name(f"{out.name} fresh")
    run(project, fresh)
    ours, wanted = published(out), published(fresh)
    assert ours.keys() == wanted.keys()
    assert all(ours[name] == wanted[name] for name in wanted if not name.endswith("manifest.json"))
    verify(FolderStorage(out), "export")
    assert not (out / WORK).exists()


def test_two_at_once_and_a_third_alone(tmp_path: Path) -> None:
    one = make_project(tmp_path / "one", items=12)
    other = make_project(tmp_path / "other", items=12)
    add_item(other, "0005.png", seed=99)
    for turn in range(ROUNDS):
        out = tmp_path / f"out{turn % 3}"  # some begin with nothing, some with an archive
        with export(one, out) as first, export(other if turn % 2 else one, out) as second:
            for process in (first, second):
                said = process.communicate(timeout=120)[1]
                if process.returncode:
                    assert "Traceback" not in said, said
                    assert "items are missing" in said or "another export" in said, said
            assert first.returncode == 0 or second.returncode == 0
        if (out / "export.manifest.json").exists():
            verify(FolderStorage(out), "export")
        with export(one, out) as third:
            said = third.communicate(timeout=120)[1]
            assert third.returncode == 0, said
        is_right(one, out)


def test_who_was_killed_while_it_published_is_not_waited_for(tmp_path: Path) -> None:
    project, out = make_project(tmp_path / "project", items=12), tmp_path / "out"
    with export(project, out, "before the manifest", "SIGKILL") as killed:
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
    assert (out / WORK / "lease.json").exists()
    with export(project, out, "", "SIGSTOP", "--debug") as process:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
    assert "is gone; taken over" in said
    assert "waiting for it" not in said
    is_right(project, out)


@pytest.mark.parametrize("at", ["before the archive", "before the archive gets its name", "before the manifest"])
def test_who_was_stopped_for_longer_than_the_lease_replaces_nothing_any_more(tmp_path: Path, at: str) -> None:
    project, out = make_project(tmp_path / "project", items=12), tmp_path / "out"
    run(project, out)
    mine = make_project(tmp_path / "mine", items=12)
    add_item(mine, "0005.png", seed=99)
    theirs = make_project(tmp_path / "theirs", items=12)
    add_item(theirs, "0007.png", seed=98)
    with export(mine, out, at) as stopped:
        until_stopped(stopped)
        with export(theirs, out, "", "SIGSTOP", "--debug") as process:
            said = process.communicate(timeout=60)[1]
            assert process.returncode == 0, said
            assert f"process {stopped.pid} on " in said  # waited for, or its lease was over before it could be
        before = published(out)
        verify(FolderStorage(out), "export")
        stopped.send_signal(signal.SIGCONT)
        said = stopped.communicate(timeout=60)[1]
        assert stopped.returncode == 1, said
        assert "Traceback" not in said
        assert published(out) == before
    with export(mine, out) as process:
        said = process.communicate(timeout=60)[1]
        assert "12 of them finished already" in said
    is_right(mine, out)
