"""Whether an archive can be written is seen before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.publish.targets import check_targets
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import job_of, layer, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=1)


@pytest.mark.parametrize("ending", ["tar", "index.jsonl", "manifest.json", "bad_items.jsonl"])
def test_each_file_of_an_archive_needs_its_place(project: Path, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"out/export.{ending}").mkdir(parents=True)
    storage = open_storage(str(tmp_path / "out"))
    with pytest.raises(SettingsError, match=f"export.{ending}: cannot be written: a folder of that name lies there"):
        check_targets(job_of(project), storage, "export")
    check_targets(job_of(project), storage, "another")


def test_the_names_of_volumes_need_room_where_there_are_some(project: Path, tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "out"))
    name = "x" * (255 - len(".manifest.json"))
    longest = "x" * (255 - len(".bad_items.jsonl"))
    for dst, volume_size, fits in ((longest, None, True), (longest + "x", None, False), (name, None, False)):
        job = job_of(project, layer(dst=dst), volume_size=volume_size)
        if fits:
            check_targets(job, storage, dst)
        else:
            with pytest.raises(SettingsError, match="a name of"):
                check_targets(job, storage, dst)
    (tmp_path / "out/export-00002.tar").mkdir(parents=True)
    check_targets(job_of(project), storage, "export")
    with pytest.raises(SettingsError, match=r"export-00002\.tar: cannot be written"):
        check_targets(job_of(project, volume_size=9), storage, "export")
