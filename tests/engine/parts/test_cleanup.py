"""What is removed once an archive is published, and after its days where none ever was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.parts.cleanup import clean_up, remove_parts, remove_unfinished
from airflow_savemasks.engine.parts.plan import Part, Plan
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, job_of, make_project


def entries(storage: FolderStorage) -> set[str]:
    return set(storage.listdir(WORK).files)


def plan_of(*digests: str) -> Plan:
    return Plan("export", "p" * 40, "s", 1, 1, tuple(Part(digest, 1, 0, 0) for digest in digests), ())


def test_parts_go_with_their_archive_but_where_no_ranges_can_be_read(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    files = {f"{digest * 40}.{kind}" for digest in "abp" for kind in ("tar", "boot.receipt", "plan.json")}
    for keeps, left in ((False, set()), (True, {name for name in files if name.startswith("a")})):
        for name in files:
            with storage.writing(f"{WORK}/{name}") as out:
                out.write(b"x")
        storage.keeps_parts = keeps
        remove_parts(storage, plan_of("a" * 40))
        assert entries(storage) == left


def test_what_an_export_that_never_ended_left_goes_after_its_days(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=1)
    storage = FolderStorage(tmp_path / "out")
    now = 1_700_000_000.0
    day = 24 * 3600
    ages = {
        f"{'a' * 40}.tar": 30 * day,  # of this plan
        f"{'p' * 40}.plan.json": 30 * day,
        f"{'b' * 40}.tar": 7 * day + 1,
        f"{'c' * 40}.tar": 7 * day,
        f"{'d' * 40}.boot.receipt": 7 * day - 1,
        f"{'e' * 32}.growing": 30 * day,
    }
    for name, age in ages.items():
        with storage.writing(f"{WORK}/{name}") as out:
            out.write(b"x")
        os.utime(tmp_path / "out" / WORK / name, (now - age, now - age))
    remove_unfinished(job_of(project, keep_parts_days=7), storage, plan_of("a" * 40), now)
    assert set(ages) - entries(storage) == {f"{'b' * 40}.tar"}
    remove_unfinished(job_of(project, keep_parts_days=0.5), storage, plan_of("a" * 40), now)
    assert entries(storage) == {f"{'a' * 40}.tar", f"{'p' * 40}.plan.json", f"{'e' * 32}.growing"}


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

    assert clean_up(storage, plan_of("b" * 40), "other", None, [], []) == []
    with storage.writing(f"{WORK}/{'a' * 40}.tar") as out:
        out.write(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(FolderStorage, "delete", refuse)
        (warning,) = clean_up(storage, plan_of("b" * 40), "export", None, [], [])
    assert warning == "the archive is published, but something is left over: here: no right to it. ask for it"
    assert [path.name for path in tmp_path.iterdir()] == ["export.bad_items.jsonl"]
    assert clean_up(storage, plan_of("b" * 40), "export", None, [], []) == []
    assert [path.name for path in tmp_path.iterdir()] == []
