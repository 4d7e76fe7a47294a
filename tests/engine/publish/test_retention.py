"""`keep`: older archives of a dated name go, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.publish import assemble as assembling
from airflow_savemasks.engine.publish import retention
from airflow_savemasks.engine.publish.lease import publishing_alone
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import job_of, layer, make_project, plan_of, render, run

DAYS = [f"2026-01-{day:02d}" for day in range(1, 8)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=2)


def export(project: Path, out: Path, day: str, **options: Any) -> dict[str, Any]:
    return run(project, out, layer(dst=f"space {day}"), **options)


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name != ".parts")


def files_of(*days: str) -> list[str]:
    return sorted(f"space {day}{ending}" for day in days for ending in (".index.jsonl", ".manifest.json", ".tar"))


def test_the_newest_stay_and_older_ones_are_removed_with_index_and_manifest(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for day in DAYS[:4]:
        result = export(project, out, day, keep=3)
    assert names(out) == files_of(*DAYS[1:4])
    assert result["removed"] == [str(out / f"space {DAYS[0]}.tar")]
    assert result["warnings"] == []


def test_nothing_else_is_removed(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for dst in ("space", "space 2025-01-01 old", "my space 2025-01-01", "space 20250101", "sub/space 2025-01-01"):
        run(project, out, layer(dst=dst))
    (out / "space 2025-02-01.tar").write_bytes(b"somebody's, without a manifest")
    before = sorted(out.rglob("*"))
    for day in DAYS[:2]:
        export(project, out, day, keep=1)
    left = [path for path in sorted(out.rglob("*")) if DAYS[1] not in path.name and ".parts" not in path.parts]
    assert left == [path for path in before if ".parts" not in path.parts]


def test_an_archive_of_several_volumes_goes_as_a_whole(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0], volume_size=1)
    assert f"space {DAYS[0]}-00002.tar" in names(out)
    export(project, out, DAYS[1], keep=1)
    assert names(out) == files_of(DAYS[1])


def test_a_run_for_an_earlier_day_removes_neither_newer_archives_nor_its_own(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for day in DAYS[1:4]:
        export(project, out, day)
    assert export(project, out, DAYS[0], keep=2)["removed"] == []
    assert names(out) == files_of(*DAYS[:4])


def test_an_unchanged_archive_has_the_older_ones_removed_as_well(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for day in DAYS[:2]:
        export(project, out, day)
    result = export(project, out, DAYS[1], keep=1)
    assert (result["unchanged"], len(result["removed"])) == (True, 1)


def test_an_archive_that_is_not_the_one_of_its_manifest_stays_and_is_told(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0])
    (out / f"space {DAYS[0]}.tar").write_bytes(b"somebody's")
    result = export(project, out, DAYS[1], keep=1)
    assert (out / f"space {DAYS[0]}.tar").read_bytes() == b"somebody's"
    assert "not removed: it is not the archive of its manifest" in result["warnings"][0]


def test_archives_that_somebody_moved_or_linked_below_a_dated_name_stay(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for dst in ("best/space", f"{DAYS[3]}/space", "moved/space"):
        run(project, out, layer(dst=dst))
    (out / DAYS[0]).symlink_to("best")
    (out / DAYS[1]).symlink_to(DAYS[3])
    (out / "moved").rename(out / DAYS[2])
    result = run(project, out, layer(dst=f"{DAYS[4]}/space"), keep=2)
    assert result["removed"] == []
    assert [warning.split(": ")[0] for warning in result["warnings"]] == [
        str(out / day / "space.tar") for day in DAYS[2::-1]
    ]
    for dst in ("best", *DAYS[2:5]):
        assert (out / dst / "space.tar").exists()


def test_an_archive_that_somebody_publishes_now_stays(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0])
    with publishing_alone(open_storage(str(out)), f"space {DAYS[0]}", None):
        result = export(project, out, DAYS[1], keep=1)
    assert "somebody publishes it" in result["warnings"][0]
    assert names(out) == files_of(*DAYS[:2])


def test_an_archive_that_another_run_removes_at_this_moment_is_no_warning(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0])
    found = retention.archives_of

    def at_once(*given: Any) -> Any:
        there = found(*given)
        for file in files_of(DAYS[0]):
            (out / file).unlink()
        return there

    monkeypatch.setattr(retention, "archives_of", at_once)
    result = export(project, out, DAYS[1], keep=1)
    assert (result["removed"], result["warnings"]) == ([], [])


def test_what_is_rendered_for_an_old_name_again_stays(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    raw = layer(dst=f"space {DAYS[0]}")
    run(project, out, raw)
    job, storage = job_of(project, raw, reuse=False), open_storage(str(out))
    files = plan_of(job, storage)
    outcome = render(job, storage, files)
    export(project, out, DAYS[1], keep=1)
    assert not (out / f"space {DAYS[0]}.tar").exists()
    result = assembling.assemble(job, storage, files, assembling.Rendered(outcome.rendered))
    assert result["items"] == {"rendered": 2, "reused": 0, "skipped": 0}


def test_a_task_that_was_killed_before_it_removed_older_ones_does_so_when_it_is_tried_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0])
    job, storage = job_of(project, layer(dst=f"space {DAYS[1]}"), keep=1), open_storage(str(out))
    files = plan_of(job, storage)
    outcome = render(job, storage, files)
    monkeypatch.setattr(assembling, "remove_older", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        assembling.assemble(job, storage, files, assembling.Rendered(outcome.rendered))
    monkeypatch.undo()
    result = assembling.find_result(job, storage, {"plan": files.plan.name, "digest": files.plan.digest})
    assert result is not None
    assert result["removed"] == [str(out / f"space {DAYS[0]}.tar")]
    assert names(out) == files_of(DAYS[1])


def test_renamed_archives_are_counted_each(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(3):
        export(project, out, DAYS[0], if_exists="rename", reuse=False)
    export(project, out, DAYS[1], if_exists="rename", keep=2)
    assert names(out) == sorted([*files_of(DAYS[1]), *files_of(f"{DAYS[0]}_001")])


def test_a_name_without_a_date_is_refused_before_anything_is_rendered(project: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="keep: dst 'export' has no date in it"):
        run(project, tmp_path / "out", keep=7)
    assert not list((tmp_path / "out").glob("**/*.tar"))


KILLED = """
import os, signal, sys
from airflow_savemasks.engine.publish import retention
from tests.engine.publish.test_retention import DAYS, export
from pathlib import Path
retention._remove_rest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
export(Path(sys.argv[1]), Path(sys.argv[2]), DAYS[1], keep=1)
"""


def test_what_a_killed_run_was_removing_the_next_one_removes(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0], volume_size=1)
    killed = subprocess.run([sys.executable, "-c", KILLED, project, out], check=False, env={**os.environ})
    assert killed.returncode == -signal.SIGKILL
    left = names(out)
    assert f"space {DAYS[0]}.manifest.json" not in left  # so nobody reads half of it
    assert f"space {DAYS[0]}-00002.tar" in left
    export(project, out, DAYS[2], keep=5)
    assert names(out) == files_of(*DAYS[1:3])
    assert not list(out.rglob("*.removing.json"))


def test_a_note_of_an_archive_that_was_exported_again_removes_nothing(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0])
    subprocess.run([sys.executable, "-c", KILLED, project, out], check=False, env={**os.environ})
    export(project, out, DAYS[0])
    export(project, out, DAYS[2], keep=5)
    assert names(out) == files_of(*DAYS[:3])


def test_what_is_left_of_one_that_somebody_publishes_now_stays_for_the_next_run(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(project, out, DAYS[0], volume_size=1)
    subprocess.run([sys.executable, "-c", KILLED, project, out], check=False, env={**os.environ})
    left = [name for name in names(out) if DAYS[0] in name]
    with publishing_alone(open_storage(str(out)), f"space {DAYS[0]}", None):
        export(project, out, DAYS[2], keep=5)
        assert [name for name in names(out) if DAYS[0] in name] == left
    export(project, out, DAYS[3], keep=5)
    assert names(out) == files_of(*DAYS[1:4])
