"""How parts become an archive or volumes, under which name, and what is cleaned up afterwards."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError
from airflow_savemasks.engine.parts.resume import free_name
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import exported, job_of, make_project, members, plan_of, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 2)
    return make_project(tmp_path / "project", items=9)


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_volumes_become_one_archive_again_and_the_other_way_round(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = Path(run(project, tmp_path / "whole")["archive"]).read_bytes()
    with tarfile.open(tmp_path / "whole/export.tar") as tar:
        files = sorted(member.name for member in tar)
    for size in (40_000, 60_000, None, 50_000, None):
        result = run(project, out, volume_size=size)
        verify(open_storage(str(out)), "export")
        if size is None:
            assert "volumes" not in result
            assert names(out) == ["export.index.jsonl", "export.manifest.json", "export.tar"]
            assert (out / "export.tar").read_bytes() == whole
            continue
        volumes = [Path(path) for path in result["volumes"]]
        assert [path.name for path in volumes] == [f"export-{n + 1:05d}.tar" for n in range(len(volumes))]
        assert [path for path in names(out) if path.endswith(".tar")] == [path.name for path in volumes]
        assert all(path.stat().st_size <= size for path in volumes)
        assert sorted({name for path in volumes for name in members(path)}) == files
        assert result["archive"] == str(volumes[0])
        manifest = json.loads((out / "export.manifest.json").read_text())
        assert manifest["totals"]["files"] == result["files"] == 9 * 4 + len(volumes)
        assert result["bytes"] == sum(path.stat().st_size for path in volumes)


@pytest.mark.parametrize("there", ["export.tar", "export.manifest.json"])
def test_an_archive_that_exists_is_replaced_refused_or_another_name_is_taken(
    project: Path, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    storage = open_storage(str(out))
    jobs = {how: job_of(project, if_exists=how) for how in ("replace", "fail", "rename")}
    assert [free_name(job, storage, "export") for job in jobs.values()] == ["export"] * 3
    (out / there).write_text("x")
    assert free_name(jobs["replace"], storage, "export") == "export"
    with pytest.raises(ArchiveError, match=r"export\.tar: exists already. Choose another dst"):
        free_name(jobs["fail"], storage, "export")
    assert free_name(jobs["rename"], storage, "export") == "export_000"
    (out / there.replace("export", "export_000")).write_text("x")
    (out / "export_002.tar").write_text("x")
    assert free_name(jobs["rename"], storage, "export") == "export_001"


def test_an_archive_that_must_not_be_replaced_is_told_before_anything_is_rendered(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "export.tar").write_text("x")
    with pytest.raises(ArchiveError, match=r"export\.tar: exists already"):
        plan_of(job_of(project, if_exists="fail"), open_storage(str(tmp_path)))


def test_renamed_archives_take_items_from_the_last_of_them(project: Path, tmp_path: Path) -> None:
    results = []
    for number in range(3):
        (project / f"ds0/img/000{number}.png").touch()
        results.append(run(project, tmp_path / "out", if_exists="rename"))
    assert [Path(result["archive"]).name for result in results] == ["export.tar", "export_000.tar", "export_001.tar"]
    assert [result["items"]["rendered"] for result in results] == [9, 1, 1]


def test_as_many_items_may_be_skipped_as_was_said(project: Path, tmp_path: Path) -> None:
    for number in (1, 5):
        (project / f"ds0/img/000{number}.png").write_bytes(b"x")
    assert exported(run(project, tmp_path / "out", on_bad_item="skip", max_skipped=2)) == 7
    # they are known from the archive now, and nothing is rendered any more
    with pytest.raises(BadItemsError, match="^2 of 9 items are bad, first: ") as refused:
        run(project, tmp_path / "out", on_bad_item="skip", max_skipped=1)
    assert "raise max_skipped above 1" in str(refused.value)


def test_a_plan_tells_of_what_has_no_partner(project: Path, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    plan = plan_of(job_of(project), storage).plan
    assert (plan.items, plan.todo, plan.unannotated, plan.orphans, plan.warnings) == (9, 9, 0, 0, ())
    (project / "ds0/ann/0001.png.json").rename(project / "ds0/ann/zz.png.json")
    again = plan_of(job_of(project), storage).plan
    assert (again.unannotated, again.orphans, len(again.warnings)) == (1, 1, 2)
    assert again.digest != plan.digest
