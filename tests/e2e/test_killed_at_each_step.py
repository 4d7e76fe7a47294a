"""SIGKILL before and after each step that changes Team Files: the next run ends right and renders what is not finished.

Steps are writing a file (on a condition or not), composing one, and removing some. The process is the shell, killed
for real.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import LAYER, WORK, add_item, make_project, run

ITEMS = 12
STEPS = 40  # more than any of these exports has
CODE = """
import os, signal, sys
from contextlib import contextmanager
import airflow_savemasks.engine.parts.plan as plan
from airflow_savemasks.engine.storage.folder import FolderStorage
plan.PART_ITEMS = 4
root, left, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def step(storage, moment):
    global left
    if str(storage.root) == root and moment == when:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

def counted(work):
    def wrapped(self, *given):
        step(self, "before")
        made = work(self, *given)
        step(self, "after")
        return made
    return wrapped

writing = FolderStorage.writing

@contextmanager
def counted_writing(self, path):
    with writing(self, path) as out:
        yield out
        out.flush()
        step(self, "before")
    step(self, "after")

FolderStorage.writing = counted_writing
FolderStorage.write_if = counted(FolderStorage.write_if)
FolderStorage.compose = counted(FolderStorage.compose)
FolderStorage.delete = counted(FolderStorage.delete)
from airflow_savemasks.__main__ import main
sys.exit(main(sys.argv[4:]))
"""


def export(project: Path, out: Path, step: int, when: str, *words: str) -> subprocess.CompletedProcess[str]:
    layer = project.with_name("layer.json")
    layer.write_text(json.dumps(LAYER))
    given = [str(out), str(step), when, str(layer), "--source", str(project), "--team-files", str(out), *words]
    return subprocess.run([sys.executable, "-c", CODE, *given], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("first", "words"),
    [(False, []), (True, []), (True, ["--volume-size", "40000"])],
    ids=["from nothing", "one item changed", "one item changed, in volumes"],
)
def test_an_export_killed_at_any_step_has_lost_nothing(
    tmp_path: Path, first: bool, words: list[str], when: str
) -> None:
    project = make_project(tmp_path / "project", items=ITEMS)
    wanted = {"volume_size": int(words[1])} if words else {}
    old = {}
    if first:
        run(project, tmp_path / "old", **wanted)
        old = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
        add_item(project, "0005.png", seed=99)
    run(project, tmp_path / "fresh", **wanted)
    fresh = {path.name: path.read_bytes() for path in (tmp_path / "fresh").iterdir()}
    for step in range(STEPS):
        out = tmp_path / f"out{step}"
        if first:
            copy_old(tmp_path, out)
        killed = export(project, out, step, when, *words)
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        published = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
        done = export(project, out, STEPS, "before", *words)
        assert done.returncode == 0, (step, done.stderr)
        result = json.loads(done.stdout.splitlines()[-1])
        now = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
        assert now.keys() == fresh.keys(), f"step {step}"
        assert all(now[name] == fresh[name] for name in fresh if not name.endswith("manifest.json")), f"step {step}"
        assert not (out / WORK).exists(), f"step {step}: {list((out / WORK).iterdir())}"
        verify(FolderStorage(out), "export")
        if any(published.get(name) == fresh[name] != old.get(name) for name in fresh if name.endswith(".tar")):
            assert result["items"]["rendered"] == 0, f"step {step}: it was published already"
    else:
        pytest.fail("it never came to its end")
    assert step > 4


def copy_old(tmp_path: Path, out: Path) -> None:
    """The archive of before, with the times of its files, which are their identity."""
    subprocess.run(["cp", "-a", str(tmp_path / "old"), str(out)], check=True)
