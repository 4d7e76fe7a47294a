"""`clean`: what exports that never ran again left goes, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import BadItemsError
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish import publishing
from airflow_savemasks.engine.publish import work_folders as cleaning
from airflow_savemasks.engine.publish.lease import publishing_alone
from airflow_savemasks.engine.publish.work_folders import clean
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import job_of, layer, make_project, plan_of, run

DAY = 24 * 3600


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Team Files with a published archive, and the finished parts of an export that failed."""
    project = make_project(tmp_path / "project")
    run(project, tmp_path / "out")
    (project / "ds0" / "img" / "0003.png").write_bytes(b"broken")
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out", layer(dst="failed"))
    return tmp_path / "out"


def age(folder: Path, days: float) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - days * DAY,) * 2)


def cleaned(out: Path, days: float = 30, **more: Any) -> dict[str, Any]:
    return clean(open_storage(str(out)), days, **more)


def tree(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_an_old_work_folder_is_removed_and_no_archive_is_touched(out: Path) -> None:
    work = out / folder_of("failed")
    size = sum(path.stat().st_size for path in work.iterdir())
    age(work, 31)
    told = cleaned(out)
    (one,) = told["folders"]
    assert (one["folder"], one["fate"], one["bytes"]) == (str(work), "removed", size)
    assert (told["removed"], told["bytes"]) == (1, size)
    assert one["age_days"] == pytest.approx(31, abs=0.01)
    assert tree(out) == sorted(["export.tar", "export.manifest.json", "export.index.jsonl", "failed.bad_items.jsonl"])
    assert not work.exists()


def test_a_younger_one_stays_whatever_is_old_in_it(out: Path) -> None:
    work = out / folder_of("failed")
    age(work, 31)
    os.utime(next(work.iterdir()), (time.time() - 29 * DAY,) * 2)
    before = tree(out)
    (one,) = cleaned(out)["folders"]
    assert one["fate"] == "kept: younger than 30 days"
    assert tree(out) == before


def test_a_dry_run_only_says_what_would_go(out: Path) -> None:
    age(out / folder_of("failed"), 31)
    before = tree(out)
    told = cleaned(out, dry_run=True)
    assert told["folders"][0]["fate"] == "would be removed"
    assert (told["removed"], told["bytes"] > 0, tree(out)) == (0, True, before)


def test_a_folder_that_an_export_publishes_from_stays(out: Path) -> None:
    with publishing_alone(open_storage(str(out)), "failed", None):
        assert cleaned(out, 0)["folders"][0]["fate"] == "kept: an export is publishing from it"
    assert list((out / folder_of("failed")).iterdir())


def test_the_archive_is_named_where_a_plan_says_it(out: Path, tmp_path: Path) -> None:
    storage = open_storage(str(out))
    plan_of(job_of(make_project(tmp_path / "other"), layer(dst="grouped")), storage)
    assert {one["archive"] for one in cleaned(out)["folders"]} == {"grouped", None}


def test_what_a_killed_export_had_begun_to_publish_is_published_before_its_folder_goes(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(make_project(tmp_path / "other", items=3), out, layer(dst="killed"))
    monkeypatch.undo()
    assert not (out / "killed.manifest.json").exists()
    age(out / folder_of("killed"), 31)
    (one,) = [one for one in cleaned(out)["folders"] if one["archive"] == "killed"]
    assert one["fate"] == "removed"
    assert verify(open_storage(str(out)), "killed")["items"] == 3
    assert not (out / folder_of("killed")).exists()


def test_a_next_manifest_that_names_nobody_stays_for_its_export(out: Path) -> None:
    work = out / folder_of("failed")
    (work / "next.manifest.json").write_text('{"name": "another"}')
    age(work, 31)
    assert "nothing says which one" in cleaned(out)["folders"][0]["fate"]
    assert (work / "next.manifest.json").exists()


def test_a_folder_that_is_no_work_folder_stays(out: Path) -> None:
    notes = out / ".parts" / "my notes"
    notes.mkdir()
    (notes / "todo.txt").write_text("somebody's")
    (out / ".parts" / "all").symlink_to("..")
    for path in (out / folder_of("failed"), notes, out):
        age(path, 31)
    assert [one["folder"] for one in cleaned(out)["folders"]] == [str(out / folder_of("failed"))]
    assert (notes / "todo.txt").exists()
    assert (out / "export.tar").exists()


def test_what_workers_write_while_a_killed_export_is_published_stays(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = out / folder_of("failed")
    age(work, 31)
    removing = cleaning.finish_removing

    def slowly(*given: Any) -> None:
        removing(*given)
        (work / "new.tar").write_bytes(b"a part")

    monkeypatch.setattr(cleaning, "finish_removing", slowly)
    before = tree(out)
    assert cleaned(out)["folders"][0]["fate"] == "kept: younger than 30 days"
    assert tree(out) == sorted([*before, str(work.relative_to(out) / "new.tar")])


def test_where_nothing_lies_nothing_is_written(tmp_path: Path) -> None:
    assert cleaned(tmp_path) == {"folders": [], "removed": 0, "bytes": 0}
    assert list(tmp_path.iterdir()) == []


def test_a_cleaned_export_renders_anew(out: Path, tmp_path: Path) -> None:
    age(out / folder_of("failed"), 31)
    cleaned(out)
    make_project(tmp_path / "project")
    assert run(tmp_path / "project", out, layer(dst="failed"))["items"]["rendered"] == 4
