"""Exports of one archive with different settings: the work of one is left alone by the others, and taken up again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.export import render_batch
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.work_names import new_name
from airflow_savemasks.engine.planning.plans import load_plan
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.publish.work_folders import clean
from airflow_savemasks.engine.storage.base import NewFile
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, add_item, job_of, make_project, plan_of, render, run

ITEMS = 6
OTHER: dict[str, Any] = {"machine_png": "palette"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=ITEMS)


@pytest.fixture
def out(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "out")


def rendered_and_killed(project: Path, out: FolderStorage, **options: Any) -> None:
    """A try that has finished all items and comes to no archive."""
    job = job_of(project, **options)
    render(job, out, plan_of(job, out))


@pytest.mark.parametrize("volume_size", [None, 100_000], ids=["growing", "parts"])
def test_a_retry_goes_on_though_an_export_with_other_settings_was_published(
    project: Path, out: FolderStorage, tmp_path: Path, volume_size: int | None
) -> None:
    mine = OTHER | {"volume_size": volume_size}
    rendered_and_killed(project, out, **mine)
    for _ in range(2):  # the second time it stays as it is
        assert run(project, out, volume_size=volume_size)["items"]["skipped"] == 0
    result = run(project, out, **mine)
    assert result["items"] == {"rendered": 0, "reused": ITEMS, "skipped": 0}
    fresh = run(project, tmp_path / "fresh", **mine)
    assert Path(result["archive"]).read_bytes() == Path(fresh["archive"]).read_bytes()
    run(project, out, volume_size=volume_size)
    assert not out.listdir(WORK).files


def test_a_group_that_is_rendering_loses_nothing_to_an_export_with_other_settings(
    project: Path, out: FolderStorage
) -> None:
    job = job_of(project, **OTHER)
    first, second = make_batches(plan_of(job, out), 2)

    def render_one(batch: dict[str, Any]) -> int:
        return render_batch(job, out, load_plan(job, out, batch["plan"]), batch, threading.Event(), Progress()).rendered

    done = render_one(first)
    assert run(project, out)["items"]["rendered"] == ITEMS
    done += render_one(second)
    assert done == ITEMS
    result = assemble(job, out, load_plan(job, out, first["plan"]), Rendered(done))
    assert result["items"] == {"rendered": ITEMS, "reused": 0, "skipped": 0}
    assert not out.listdir(WORK).files


def age(out: FolderStorage) -> None:
    """Make all that lies in the work folder eight days old."""
    before = time.time() - 8 * 24 * 3600
    left = [out.root / WORK / name for name in out.listdir(WORK).files]
    assert left
    for path in left:
        os.utime(path, (before, before))


@pytest.mark.parametrize("rendered", [0, 1])
@pytest.mark.parametrize("volume_size", [None, 100_000], ids=["growing", "parts"])
def test_what_nobody_comes_back_to_goes_after_its_days(
    project: Path, out: FolderStorage, volume_size: int | None, rendered: int
) -> None:
    rendered_and_killed(project, out, **OTHER, volume_size=volume_size)
    assert run(project, out, volume_size=volume_size)["items"]["rendered"] == ITEMS
    age(out)
    if rendered:
        add_item(project, "0000.png", seed=77)
    assert run(project, out, volume_size=volume_size)["items"]["rendered"] == rendered
    assert not out.listdir(WORK).files


def test_parts_that_an_archive_needs_stay_while_nothing_changes(project: Path, out: FolderStorage) -> None:
    out.keeps_parts = True  # as in an instance, where no ranges of an archive can be read
    run(project, out, volume_size=100_000)
    age(out)
    assert run(project, out, volume_size=100_000)["unchanged"]
    add_item(project, "0000.png", seed=77)
    assert run(project, out, volume_size=100_000)["items"]["reused"] == ITEMS - 1


@pytest.mark.parametrize("days", [0, 7])
@pytest.mark.parametrize("own", [True, False])
def test_a_growing_archive_that_cannot_be_opened_fails_no_export(
    project: Path, out: FolderStorage, tmp_path: Path, days: int, *, own: bool
) -> None:
    """Such as a link, which is not followed, or a file of another user."""
    name = f"{new_name(job_of(project).digest if own else 'f' * 8)}.growing"
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (out.root / WORK).mkdir(parents=True)
    (out.root / WORK / name).symlink_to(tmp_path / "elsewhere")
    assert run(project, out, keep_parts_days=days)["items"]["rendered"] == ITEMS
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"


def test_a_growing_archive_that_was_published_goes_though_the_archive_stays(
    project: Path, out: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after its manifest, so that the file in the work folder is a second name of the archive."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("airflow_savemasks.engine.publish.assemble.clean_up", die)
        run(project, out, **OTHER)
    published = (out.root / "export.tar").read_bytes()
    for _ in range(2):
        run(project, out, if_exists="rename", keep_parts_days=0)
    assert not out.listdir(WORK).files
    assert (out.root / "export.tar").read_bytes() == published


def test_a_growing_archive_that_somebody_writes_is_not_removed(out: FolderStorage) -> None:
    path = f"{WORK}/{'f' * 32}.growing"
    with out.growing(path) as file:
        assert file is not None
        FolderStorage(out.root).remove_growing(path)
        assert out.stat(path) is not None
    out.remove_growing(path)
    out.remove_growing(path)  # one that is gone is no error
    assert not out.listdir(WORK).files


@pytest.mark.parametrize("volume_size", [None, 100_000], ids=["growing", "parts"])
def test_what_somebody_is_writing_is_left_to_them(
    project: Path, out: FolderStorage, volume_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another export plans, publishes and cleans up while a receipt of this one has no name yet."""
    writing, others = FolderStorage.writing, [True]

    @contextmanager
    def slow(self: FolderStorage, path: str) -> Iterator[NewFile]:
        with writing(self, path) as file:
            yield file
            if path.endswith(".receipt") and others:
                others.clear()
                run(project, FolderStorage(out.root), keep_parts_days=0)
                clean(FolderStorage(out.root), 0)

    monkeypatch.setattr(FolderStorage, "writing", slow)
    job = job_of(project, **OTHER, volume_size=volume_size)
    render(job, out, plan_of(job, out))
    assert not others
    assert [name for name in out.listdir(WORK).files if name.endswith(".receipt")]
