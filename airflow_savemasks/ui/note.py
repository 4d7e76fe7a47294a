"""The note of a run: its archive, items and outcome, so that runs can be told apart in Airflow's list.

Airflow calls this where it ends a run, in the scheduler: whatever goes wrong here is logged, and holds nothing up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_savemasks.operators.masks_page import NAMED

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
LONGEST = 1000  # letters that Airflow keeps of a note


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - of Airflow's specification
    write(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - of Airflow's specification
    write(dag_run)


def write(dag_run: DagRun) -> None:
    """Write it, in the transaction that ends the run. A note that a person wrote stays.

    A run that belongs to no transaction (that of `dag.test()`) gets none.
    """
    from sqlalchemy.orm import object_session

    try:
        session = object_session(dag_run)
        if session is None:
            return
        written = dag_run.dag_run_note
        if written is None or written.user_id is None:
            text = text_of(_xcoms(session, dag_run))
            if text:
                dag_run.note = text
    except Exception:
        log.exception("The run %s gets no note of its masks", dag_run.run_id)


def text_of(xcoms: Iterable[tuple[str, str, Any]]) -> str:
    """task id, key and value of XComs -> a line for each archive, and for each task without one."""
    results: dict[str, Any] = {}
    named: dict[str, None] = {}
    for task_id, key, value in xcoms:
        if key == NAMED:
            named[task_id] = None
        elif isinstance(value, dict) and isinstance(value.get("archive"), str):
            results[task_id] = value
    lines = [_line(results[task_id]) for task_id in named if task_id in results]
    batches = {task_id.rpartition(".")[0] for task_id in results}  # of a group, whose last task has the archive
    lines += [
        f"{task_id}: no archive"
        for task_id in named
        if task_id not in results and (not task_id.rpartition(".")[0] or task_id.rpartition(".")[0] not in batches)
    ]
    return "\n".join(lines)[:LONGEST]


def _line(result: dict[str, Any]) -> str:
    items = result.get("items") or {}
    counts = {name: int(items.get(name) or 0) for name in ("rendered", "reused", "skipped")}
    total = counts["rendered"] + counts["reused"]
    said = [f"{counts[name]} {name}" for name in ("skipped", "reused") if counts[name]]
    outcome = "nothing changed" if result.get("unchanged") else ", ".join(said)
    name = str(result["archive"]).rpartition("/")[2]
    return f"{name}: {total} item{'' if total == 1 else 's'}{f', {outcome}' if outcome else ''}"


def _xcoms(session: Session, dag_run: DagRun) -> list[tuple[str, str, Any]]:
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    here = XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id
    ours = select(XComModel.task_id).where(*here, XComModel.key == NAMED)
    rows = session.scalars(
        select(XComModel)
        .where(*here, XComModel.task_id.in_(ours), XComModel.key.in_((NAMED, "return_value")))
        .order_by(XComModel.timestamp)
    )
    return [(row.task_id, row.key, XComModel.deserialize_value(row)) for row in rows]
