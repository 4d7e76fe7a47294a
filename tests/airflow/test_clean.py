"""CleanOperator, and a template that says what cannot be meant."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.parts.work_names import folder_of
from tests.engine.samples import job_of, layer, make_project, plan_of

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder of an export that ended 40 days ago."""
    from airflow_savemasks.engine.storage.opening import open_storage

    conn = {"conn_type": "savemasks", "host": str(tmp_path / "out")}
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps(conn))
    plan_of(job_of(make_project(tmp_path / "project"), layer(dst="gone")), open_storage(str(tmp_path / "out")))
    folder = tmp_path / "out" / folder_of("gone")
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_mtime - 40 * 86400,) * 2)
    return folder


def test_a_task_looks_first_and_removes_then(work: Path) -> None:
    from airflow_savemasks.operators.clean import CleanOperator

    told = CleanOperator(task_id="c", team_files_conn_id="team", older_than_days="30", dry_run="True").execute({})
    assert [(one["archive"], one["fate"]) for one in told["folders"]] == [("gone", "would be removed")]
    assert work.exists()
    told = CleanOperator(task_id="c", team_files_conn_id="team", older_than_days=50).execute({})
    assert told["folders"][0]["fate"] == "kept: younger than 50 days"
    told = CleanOperator(task_id="c", team_files_conn_id="team").execute({})
    assert told["removed"] == 1
    assert json.loads(json.dumps(told)) == told
    assert not work.exists()


def test_what_was_written_within_thirty_days_stays_where_no_age_is_given(work: Path) -> None:
    from airflow_savemasks.operators.clean import CleanOperator

    for path in work.iterdir():
        os.utime(path, (path.stat().st_mtime + 11 * 86400,) * 2)
    told = CleanOperator(task_id="c", team_files_conn_id="team").execute({})
    assert (told["removed"], told["folders"][0]["fate"]) == (0, "kept: younger than 30 days")
    assert work.exists()


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_task_that_is_killed_stops_at_the_next_call_of_the_storage(
    work: Path, dry_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.engine.publish import work_folders
    from airflow_savemasks.operators.clean import CleanOperator

    task = CleanOperator(task_id="c", team_files_conn_id="team", dry_run=dry_run)
    clean = work_folders.clean

    def killed(*given: object, **more: object) -> object:
        task.on_kill()
        return clean(*given, **more)

    monkeypatch.setattr(work_folders, "clean", killed)
    with pytest.raises(SystemExit, match="^Stopped"):
        task.execute({})
    assert work.exists()


@pytest.mark.parametrize("wrong", [{"older_than_days": "soon"}, {"older_than_days": -1}, {"dry_run": "perhaps"}])
def test_what_cannot_be_meant_fails_at_once_with_a_fix(wrong: dict[str, object], work: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.operators.clean import CleanOperator

    with pytest.raises(AirflowFailException, match=rf"^{next(iter(wrong))}: .*\nWrite"):
        CleanOperator(task_id="c", team_files_conn_id="team", **wrong).execute({})
    assert work.exists()


def test_a_plan_that_is_neither_wanted_nor_not_fails_at_once(tmp_path: Path, work: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.operators.save_masks import SaveMasksOperator

    sources = {"$data_1": str(tmp_path / "project")}
    task = SaveMasksOperator(task_id="s", layer=layer(), sources=sources, team_files_conn_id="team", dry_run="maybe")
    with pytest.raises(AirflowFailException, match="dry_run: 'maybe' is neither true nor false"):
        task.execute({})
