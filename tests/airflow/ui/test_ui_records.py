"""What the tab is told of a task is that task's own: of no other map index, run, DAG or key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.airflow.ui.test_ui import STATE_STORE

NUMBERS = count(1)


@pytest.fixture
def dag_id(airflow_home: Path) -> str:
    """Of a DAG that no other test has."""
    return f"records_{next(NUMBERS)}"


def add_run(dag_id: str, run_id: str) -> int:
    """A run, as Airflow writes it; returns its number."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    now = datetime.now(UTC)
    with create_session() as session:
        run = DagRun(dag_id=dag_id, run_id=run_id, run_type="manual", logical_date=None, run_after=now)
        session.add(run)
        session.flush()
        return int(run.id)


def add_task(dag_id: str, run_id: str, run: int, task_id: str, map_index: int, **left: Any) -> None:
    """A task instance with what it left: operator, fields, state_store, and XComs by their keys."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import insert

    key = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    operator, fields, told = left.pop("operator", "Own"), left.pop("fields", None), left.pop("state_store", {})
    now = datetime.now(UTC)
    with create_session() as session:
        values = {**key, "id": uuid4(), "operator": operator, "pool": "p", "pool_slots": 1, "priority_weight": 1}
        values |= {"executor_config": {}, "try_number": 1, "max_tries": 0, "state": "success", "span_status": "not"}
        session.execute(insert(TaskInstance.__table__).values(**values))
        if fields is not None:
            session.execute(insert(RenderedTaskInstanceFields.__table__).values(**key, rendered_fields=fields))
        for name, value in left.items():
            table = XComModel.__table__
            session.execute(insert(table).values(**key, dag_run_id=run, key=name, value=value, timestamp=now))
        for name, text in told.items():
            from airflow.models.task_state_store import TaskStateStoreModel

            table = TaskStateStoreModel.__table__
            session.execute(insert(table).values(**key, dag_run_id=run, key=name, value=text, updated_at=now))


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
