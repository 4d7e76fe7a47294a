"""What the tab is told of a task is that task's own: of no other map index, run, DAG or key."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui.runs import STATE_STORE, add_run, add_task

NUMBERS = count(1)


@pytest.fixture
def dag_id(airflow_home: Path) -> str:
    """Of a DAG that no other test has."""
    return f"records_{next(NUMBERS)}"


def test_a_task_is_told_of_by_what_it_left_itself(dag_id: str) -> None:
    from airflow_savemasks.ui.access import record_of

    places = [(dag_id, "r"), (dag_id, "s"), (f"{dag_id}_b", "r")]
    wanted = {}
    for place in places:
        run = add_run(*place)
        for task_id, map_index in (("save", 0), ("save", 1), ("other", 0)):
            own = "/".join([*place, task_id, str(map_index)])
            kept = {"before": '"x"', "progress": json.dumps(f"at {own}"), "then": '"x"'} if STATE_STORE else {}
            left = {"return_value": {"archive": own}, "savemasks": {"bad_items": own}, "another": {"archive": "x"}}
            add_task(*place, run, task_id, map_index, fields={"team_files_conn_id": own}, state_store=kept, **left)
            wanted[*place, task_id, map_index] = own
    for key, own in wanted.items():
        found = record_of(*key)
        assert (found.dag_id, found.run_id, found.task_id, found.map_index, found.ours) == (*key, True)
        assert (found.conn_id, found.result, found.named) == (own, {"archive": own}, {"bad_items": own})
        assert found.progress == (f"at {own}" if STATE_STORE else None)
    assert record_of(dag_id, "r", "save", 2) is None
    assert record_of(dag_id, "r", "save", -1) is None


@pytest.mark.parametrize(
    ("fields", "ours", "conn_id"),
    [
        ({"team_files_conn_id": "mine"}, True, "mine"),
        ({"team_files_conn_id": ""}, True, None),
        ({"team_files_conn_id": None}, True, None),
        ({"layer": "{}"}, False, None),
        ({}, False, None),
        (None, False, None),
    ],
)
def test_a_task_that_was_given_no_team_files_writes_none(
    dag_id: str, fields: Any, ours: bool, conn_id: str | None
) -> None:
    from airflow_savemasks.ui.access import record_of

    add_task(dag_id, "r", add_run(dag_id, "r"), "save", -1, operator="SaveMasksOperator", fields=fields)
    found = record_of(dag_id, "r", "save", -1)
    assert (found.ours, found.conn_id) == (ours, conn_id)


@pytest.mark.skipif(not STATE_STORE, reason="before Airflow 3.3 there is no such store")
@pytest.mark.parametrize("text", ["", "{", "null", "7", '["x"]', '{"a": "x"}'])
def test_progress_that_is_no_text_is_none(dag_id: str, text: str) -> None:
    from airflow_savemasks.ui.access import record_of

    add_task(dag_id, "r", add_run(dag_id, "r"), "save", -1, state_store={"progress": text})
    assert record_of(dag_id, "r", "save", -1).progress is None


def test_a_run_lists_who_exports_masks_by_operator_or_by_what_was_named_in_it(
    dag_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.ui import access

    run, another = add_run(dag_id, "r"), add_run(dag_id, "s")
    for operator in access.OPERATORS:
        add_task(dag_id, "r", run, f"a_{operator}", -1, operator=operator)
    add_task(dag_id, "r", run, "b_own", 1, savemasks={})
    add_task(dag_id, "r", run, "b_own", 0)
    add_task(dag_id, "r", run, "c_named_elsewhere", -1, return_value={"archive": "x"})
    add_task(dag_id, "s", another, "c_named_elsewhere", -1, savemasks={})
    add_task(dag_id, "r", run, "d_plan", -1, operator="PlanOperator")
    listed = [(one.task_id, one.map_index) for one in access.records_of_run(dag_id, "r")]
    assert listed == [*((f"a_{name}", -1) for name in sorted(access.OPERATORS)), ("b_own", 0), ("b_own", 1)]
    monkeypatch.setattr(access, "MOST_TASKS", 4)
    assert [(one.task_id, one.map_index) for one in access.records_of_run(dag_id, "r")] == listed[:4]


def test_the_note_of_a_run_is_of_its_own_tasks_and_written_anew_where_it_runs_again(
    dag_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_savemasks.ui.note import on_dag_run_success

    def noted(run_id: str) -> str | None:
        with create_session() as session:
            found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            on_dag_run_success(found, "")
            return found.note

    def export(run_id: str, run: int, task_id: str, rendered: int) -> None:
        result = {"archive": f"/x/{task_id}.tar", "items": {"rendered": rendered}}
        add_task(dag_id, run_id, run, task_id, -1, operator="SaveMasksOperator", savemasks={}, return_value=result)

    first, second = add_run(dag_id, "r"), add_run(dag_id, "s")
    add_task(dag_id, "r", first, "data_1", -1, return_value={"archive": "/x/data.tar"})
    assert noted("r") is None
    export("r", first, "b", 1)
    export("s", second, "other", 3)
    assert noted("r") == "b.tar: 1 item"
    export("r", first, "a", 2)
    assert noted("r") == "b.tar: 1 item\na.tar: 2 items", "in the order in which they were made"
    assert noted("s") == "other.tar: 3 items"
    on_dag_run_success(DagRun(dag_id=dag_id, run_id="nowhere", run_type="manual"), "")
    assert not [one for one in caplog.records if "gets no note" in one.getMessage()]


def test_only_exports_that_failed_are_in_the_note_without_having_named_anything(dag_id: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select, update

    from airflow_savemasks.ui.note import on_dag_run_failed

    states = {"a": "failed", "b": "upstream_failed", "c": "skipped", "d": "success"}
    for run_id in ("r", "s"):
        run = add_run(dag_id, run_id)
        for task_id in states if run_id == "r" else "x":
            add_task(dag_id, run_id, run, task_id, -1, operator="SaveMasksOperator")
        add_task(dag_id, run_id, run, "e", -1)
    with create_session() as session:
        for task_id, state in {**states, "x": "failed", "e": "failed"}.items():
            here = TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id
            session.execute(update(TaskInstance).where(*here).values(state=state))
        found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == "r"))
        on_dag_run_failed(found, "")
        assert found.note == "a: no archive\nb: no archive"


@pytest.mark.parametrize(
    ("state", "under_way"),
    [(None, True), ("running", True), ("up_for_retry", True), ("failed", False), ("removed", False)],
)
def test_a_task_that_airflow_has_not_scheduled_yet_may_still_have_something_to_say(
    dag_id: str, state: str | None, under_way: bool
) -> None:
    from airflow_savemasks.ui.access import record_of
    from airflow_savemasks.ui.telling import summary

    add_task(dag_id, "r", add_run(dag_id, "r"), "save", -1, state=state)
    assert summary(record_of(dag_id, "r", "save", -1))["task"]["under_way"] is under_way


@pytest.mark.parametrize("result", [{"archive": "/etc/passwd"}, {"dry_run": True, "would_fail": ["x"]}])
def test_what_a_task_returned_that_exports_no_masks_is_not_told(dag_id: str, result: dict[str, Any]) -> None:
    """Whatever it looks like; of one that does it is told, also where all else of it is of a wrong kind."""
    from airflow_savemasks.ui.access import record_of
    from airflow_savemasks.ui.telling import summary

    run = add_run(dag_id, "r")
    wrong = {**result, "warnings": "text", "skipped": 7}
    add_task(dag_id, "r", run, "data_1", -1, fields={}, return_value=wrong)
    add_task(dag_id, "r", run, "save", -1, fields={"team_files_conn_id": None}, return_value=wrong)
    told = summary(record_of(dag_id, "r", "data_1", -1))
    assert (told["result"], told["plan"]) == (None, None)
    told = summary(record_of(dag_id, "r", "save", -1))
    assert (told["result"] or told["plan"])["warnings"] == []
    assert (told["result"] is None, told["plan"] is None) == ("archive" not in result, "dry_run" not in result)
