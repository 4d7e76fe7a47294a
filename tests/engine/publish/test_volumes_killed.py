"""A run that is killed between two volumes, when neither the old archive nor the new one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.planning.plans import load_plan
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, add_item, job_of, make_project, plan_of, render, run
from tests.hostile.faulty import Bucket, ObjectStorage

ITEMS = 6
SIZE = 15_000  # bytes of a volume: two items


class Died(Exception):
    """As if the process had been killed."""


def die(*_: object) -> None:
    raise Died


def run_and_die(project: Path, storage: Storage, before: str, size: int = SIZE) -> None:
    """An export that dies before this file is put together."""
    compose = storage.compose

    def dying(path: str, pieces: Any) -> Any:
        if path == before:
            raise Died
        return compose(path, pieces)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr(storage, "compose", dying)
        run(project, storage, volume_size=size)


def files_of(storage: Storage) -> dict[str, bytes]:
    """What is published, but for the manifest, which has times."""
    return {name: storage.read(name) for name in storage.listdir("").files if not name.endswith("manifest.json")}


@pytest.fixture(params=["objects", "folder"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return ObjectStorage(Bucket()) if request.param == "objects" else FolderStorage(tmp_path / "out")


@pytest.mark.parametrize("volume", [1, 2, 3])
def test_items_of_the_archive_before_are_not_rendered_again(tmp_path: Path, storage: Storage, volume: int) -> None:
    project = make_project(tmp_path / "project", items=ITEMS)
    run(project, storage, volume_size=SIZE)
    add_item(project, "0004.png", seed=99)
    run_and_die(project, storage, f"export-{volume:05d}.tar")
    assert run(project, storage, volume_size=SIZE)["items"] == {"rendered": 0, "reused": ITEMS, "skipped": 0}
    run(project, tmp_path / "fresh", volume_size=SIZE)
    assert files_of(storage) == files_of(FolderStorage(tmp_path / "fresh"))


def test_a_volume_behind_those_that_are_equal_does_not_stay(tmp_path: Path, storage: Storage) -> None:
    """The archive that is there is whole: the volumes that were replaced are the same as before."""
    if isinstance(storage, ObjectStorage):
        storage.bucket.etags = True
    project = make_project(tmp_path / "project", items=2)
    run(project, storage, volume_size=8_000)
    before = set(storage.listdir("").files)
    for number in range(2, 5):
        add_item(project, f"{number:04d}.png", seed=number)
    run_and_die(project, storage, "export-00005.tar", 8_000)
    assert set(storage.listdir("").files) > before
    run(project, storage, machine_png="palette", keep_parts_days=0)
    assert set(storage.listdir("").files) == {"export.tar", "export.index.jsonl", "export.manifest.json"}


def test_a_group_that_ends_publishing_in_its_second_try_leaves_no_volume_of_before(
    tmp_path: Path, storage: Storage
) -> None:
    """The first try died behind the manifest, or its answer was lost: what it replaced is known by its notes alone."""
    project = make_project(tmp_path / "project", items=ITEMS)
    run(project, storage, volume_size=SIZE)
    job = job_of(project)
    files = plan_of(job, storage)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
        patch.setattr("airflow_savemasks.engine.publish.assemble.clean_up", die)
        assemble(job, storage, load_plan(job, storage, files.plan.name), Rendered(0))
    assemble(job, storage, load_plan(job, storage, files.plan.name), Rendered(0))
    assert set(storage.listdir("").files) == {"export.tar", "export.index.jsonl", "export.manifest.json"}
    assert not storage.listdir(WORK).files


def test_a_group_that_publishes_after_somebody_was_killed_leaves_no_volume_of_theirs(
    tmp_path: Path, storage: Storage
) -> None:
    project = make_project(tmp_path / "project", items=ITEMS)
    job = job_of(project, machine_png="palette")
    files = plan_of(job, storage)
    rendered = render(job, storage, files)
    run_and_die(project, storage, "export-00002.tar")
    assemble(job, storage, load_plan(job, storage, files.plan.name), Rendered(rendered.rendered))
    assert set(storage.listdir("").files) == {"export.tar", "export.index.jsonl", "export.manifest.json"}
