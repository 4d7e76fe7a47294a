"""All that the page uses of Airflow's server that is no documented interface: rights, and what tasks left there.

The rest of the page knows Airflow by this module only; tests/airflow/ui/ holds it to the installed version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_savemasks.operators.masks_page import NAMED

__all__ = ["MAY_READ", "TaskRecord", "record_of", "records_of_run"]

# Who may read a DAG's XComs may see what they name. It needs `dag_id` in the path: without one it is asked of all DAGs.
MAY_READ = requires_access_dag("GET", DagAccessEntity.XCOM)
RESULT = "return_value"
CONNECTION = "team_files_conn_id"
OPERATORS = ("SaveMasksOperator", "AssembleOperator", "RenderOperator")
MOST_TASKS = 2000  # of a run that are listed


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What Airflow knows of a task instance.

    label: of a mapped one; ours: whether it is a task that writes to Team Files; conn_id, executor: with which it
    opened them; result: what it returned; named: where it said beforehand that its files would lie; progress: its last
    line of it. started, ended: ISO 8601, or None.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    label: str | None
    state: str | None
    try_number: int
    operator: str | None
    executor: str | None
    started: str | None
    ended: str | None
    ours: bool = False
    conn_id: str | None = None
    result: Any = None
    named: Any = None
    progress: str | None = None


def record_of(dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskRecord | None:
    """A task instance with all that it left; None if there is none."""
    with create_session(scoped=False) as session:
        return _whole_record(session, dag_id, run_id, task_id, map_index)


def records_of_run(dag_id: str, run_id: str) -> list[TaskRecord]:
    """The task instances of a run that export masks, as far as the table of task instances tells of them."""
    with create_session(scoped=False) as session:
        return _of_run(session, dag_id, run_id)


def _whole_record(session: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> TaskRecord | None:
    found = session.scalar(
        select(TaskInstance).where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.task_id == task_id,
            TaskInstance.map_index == map_index,
        )
    )
    if found is None:
        return None
    fields = _connection(session, found)
    return _record(
        found,
        ours=fields is not None,
        conn_id=(fields or {}).get(CONNECTION) or None,
        result=_xcom(session, found, RESULT),
        named=_xcom(session, found, NAMED),
        progress=_progress(session, found),
    )


def _of_run(session: Session, dag_id: str, run_id: str) -> list[TaskRecord]:
    named = select(XComModel.task_id).where(
        XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == NAMED
    )
    query = (
        select(TaskInstance)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.operator.in_(OPERATORS) | TaskInstance.task_id.in_(named),
        )
        .order_by(TaskInstance.task_id, TaskInstance.map_index)
        .limit(MOST_TASKS)
    )
    return [_record(found) for found in session.scalars(query)]


def _record(found: TaskInstance, **more: Any) -> TaskRecord:
    return TaskRecord(
        dag_id=found.dag_id,
        run_id=found.run_id,
        task_id=found.task_id,
        map_index=found.map_index,
        label=found.rendered_map_index,
        state=str(found.state) if found.state else None,
        try_number=found.try_number,
        operator=found.operator,
        executor=found.executor,
        started=found.start_date.isoformat() if found.start_date else None,
        ended=found.end_date.isoformat() if found.end_date else None,
        **more,
    )


def _xcom(session: Session, found: TaskInstance, key: str) -> Any:
    query = XComModel.get_many(
        run_id=found.run_id,
        key=key,
        dag_ids=found.dag_id,
        task_ids=found.task_id,
        map_indexes=found.map_index,
        limit=1,
    )
    row = session.scalars(query).first()
    return None if row is None else XComModel.deserialize_value(row)


def _connection(session: Session, found: TaskInstance) -> dict[str, Any] | None:
    """{"team_files_conn_id": ...} as the task had it; None for a task that has no such argument.

    As it was rendered, which nobody can change; Airflow keeps that for the last runs only, so for older ones it is what
    stands in the DAG, if no template does.
    """
    rendered = session.scalar(
        select(RenderedTaskInstanceFields.rendered_fields).where(
            RenderedTaskInstanceFields.dag_id == found.dag_id,
            RenderedTaskInstanceFields.run_id == found.run_id,
            RenderedTaskInstanceFields.task_id == found.task_id,
            RenderedTaskInstanceFields.map_index == found.map_index,
        )
    )
    if isinstance(rendered, dict):
        return {CONNECTION: rendered[CONNECTION]} if CONNECTION in rendered else None
    run = session.scalar(select(DagRun).where(DagRun.dag_id == found.dag_id, DagRun.run_id == found.run_id))
    dag = DBDagBag().get_dag_for_run(run, session) if run else None
    if dag is None or not dag.has_task(found.task_id):
        return None
    task = dag.get_task(found.task_id)
    arguments = {**vars(task), **getattr(task, "partial_kwargs", {})}  # a mapped one has None where its fields stand
    value = arguments.get(CONNECTION)
    if CONNECTION not in getattr(task, "template_fields", ()) or (isinstance(value, str) and "{{" in value):
        return None
    return {CONNECTION: value}


def _progress(session: Session, found: TaskInstance) -> str | None:
    """The last line of progress; None where there is none, and before Airflow 3.3, which has no such store."""
    try:
        from airflow.models.task_state_store import TaskStateStoreModel as Store
    except ImportError:
        return None
    value = session.scalar(
        select(Store.value).where(
            Store.dag_id == found.dag_id,
            Store.run_id == found.run_id,
            Store.task_id == found.task_id,
            Store.map_index == found.map_index,
            Store.key == "progress",
        )
    )
    try:
        told = json.loads(value or "null")
    except ValueError:
        return None
    return told if isinstance(told, str) else None
