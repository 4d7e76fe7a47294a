"""What is removed once an archive is published, and after its days where none ever was."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.publish.cleanup import clean_up, remove_parts, remove_unfinished
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, job_of, make_project

OWN = "5" * 8  # how the settings of the plan begin, and the names of its files


def entries(storage: FolderStorage) -> set[str]:
    return set(storage.listdir(WORK).files)


def plan_of(*found_in: str) -> Plan:
    return Plan("export", f"{OWN}{'p' * 24}", "d", OWN * 8, 1, 1, 0, 0, 0, found_in, ())


def test_parts_go_with_their_archive_but_where_no_ranges_can_be_read(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    kinds = "tar", "boot.receipt", "plan.json"
    files = {f"{OWN}{digest * 24}.{kind}" for digest in "ab" for kind in kinds}
    needed = {name for name in files if "a" * 24 in name and not name.endswith("json")}
    of_others = {f"{'7' * 32}.{kind}" for kind in kinds}
    for keeps, left in ((False, set()), (True, needed)):
        for name in files | of_others:
            with storage.writing(f"{WORK}/{name}") as out:
                out.write(b"x")
        storage.keeps_parts = keeps
        found_in = [f"{WORK}/{name}" for name in needed]
        assert clean_up(storage, plan_of(), "export", None, [], [], found_in) == []
        assert entries(storage) == left | of_others
    remove_parts(storage, plan_of(), storage.listdir(WORK).files)
    assert entries(storage) == of_others


def test_what_an_export_that_never_ended_left_goes_after_its_days(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=1)
    storage = FolderStorage(tmp_path / "out")
    now = time.time()
    day = 24 * 3600
    ages = {
        f"{'a' * 40}.tar": 30 * day,  # of this plan
        f"{'b' * 40}.tar": 7 * day + 1,
        f"{'c' * 40}.tar": 7 * day - 60,
        f"{'d' * 40}.boot.receipt": 7 * day - 100,
        f"{OWN}{'e' * 24}.growing": 30 * day,
        f"{'7' * 32}.growing": 30 * day,  # of other settings
        f"{'8' * 32}.growing": 30 * day,  # of other settings, and somebody writes it
    }
    for name, age in ages.items():
        with storage.writing(f"{WORK}/{name}") as out:
            out.write(b"x")
        os.utime(tmp_path / "out" / WORK / name, (now - age, now - age))
    plan = plan_of(f"{WORK}/{'a' * 40}.tar")
    with storage.growing(f"{WORK}/{'8' * 32}.growing") as file:
        assert file is not None
        remove_unfinished(job_of(project, keep_parts_days=7), storage, plan, storage.listdir(WORK).files)
    assert set(ages) - entries(storage) == {f"{'b' * 40}.tar", f"{'7' * 32}.growing"}
    remove_unfinished(job_of(project, keep_parts_days=0.5), storage, plan, storage.listdir(WORK).files)
    assert entries(storage) == {f"{'a' * 40}.tar", f"{OWN}{'e' * 24}.growing"}


def test_what_cannot_be_cleaned_up_is_a_warning_and_the_rest_is_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path)
    with storage.writing(f"{WORK}/{'a' * 40}.tar") as out:
        out.write(b"x")
    (tmp_path / "export.bad_items.jsonl").write_bytes(b"of the one before")
    delete = FolderStorage.delete

    def refuse(self: FolderStorage, paths: Any) -> None:
        paths = list(paths)
        if any(path.endswith(".jsonl") for path in paths):
            raise StorageError("here", "no right to it", "ask for it")
        delete(self, paths)

    assert clean_up(storage, plan_of(), "other", None, [], [], []) == []
    with storage.writing(f"{WORK}/{'a' * 40}.tar") as out:
        out.write(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(FolderStorage, "delete", refuse)
        (warning,) = clean_up(storage, plan_of(), "export", None, [], [], [])
    assert warning == "the archive is published, but something is left over: here: no right to it. ask for it"
    assert [path.name for path in tmp_path.iterdir()] == ["export.bad_items.jsonl"]
    assert clean_up(storage, plan_of(), "export", None, [], [], []) == []
    assert [path.name for path in tmp_path.iterdir()] == []
