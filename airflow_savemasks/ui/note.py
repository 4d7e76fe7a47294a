"""The note of a run: its archive, items and outcome, so that runs can be told apart in Airflow's list.

Airflow calls this where it ends a run, in the scheduler: whatever goes wrong here is logged, and holds nothing up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_savemasks.operators.masks_page import NAMED

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)
MARKDOWN = re.compile(r"([\\`*\[\]<>&~|])")  # Airflow shows notes as Markdown; `_` within a word is one there
LONGEST = 1000  # letters that Airflow keeps of a note
STEPS = ("plan", "render", "assemble")  # of a group, which is one export
PLANNED = {"rendered": "to render", "reused": "reused", "skipped": "bad"}
LAST = ("SaveMasksOperator", "AssembleOperator")  # operators whose tasks end with an archive


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
    planned: dict[str, Any] = {}
    named: dict[str, None] = {}
    for task_id, key, value in xcoms:
        if key == NAMED:
            named[task_id] = None
        elif isinstance(value, dict) and isinstance(value.get("archive"), str):
            results[task_id] = value
        elif isinstance(value, dict) and value.get("dry_run"):
            planned[task_id] = value
    lines = [_line(results[task_id]) for task_id in named if task_id in results]
    lines += [f"{task_id}: {_planned(planned[task_id])}" for task_id in named if task_id in planned]
    made = {*map(_export_of, results), *planned}
    lines += [f"{name}: no archive" for name in dict.fromkeys(map(_export_of, named)) if name not in made]
    return "\n".join(lines)[:LONGEST]


def _export_of(task_id: str) -> str:
    """A task, or the group that it is a step of."""
    group, _, step = task_id.rpartition(".")
    return group if group and step in STEPS else task_id


def _line(result: dict[str, Any]) -> str:
    items = result.get("items") or {}
    counts = {name: int(items.get(name) or 0) for name in ("rendered", "reused", "skipped")}
    total = counts["rendered"] + counts["reused"]
    said = [f"{counts[name]} {name}" for name in ("skipped", "reused") if counts[name]]
    outcome = "nothing changed" if result.get("unchanged") else ", ".join(said)
    name = MARKDOWN.sub(r"\\\1", str(result["archive"]).rpartition("/")[2])
    return f"{name}: {total} item{'' if total == 1 else 's'}{f', {outcome}' if outcome else ''}"


def _planned(plan: dict[str, Any]) -> str:
    items = plan.get("items") or {}
    counts = ", ".join(f"{int(items.get(name) or 0)} {text}" for name, text in PLANNED.items())
    return f"only planned, {counts}"


def _xcoms(session: Session, dag_run: DagRun) -> list[tuple[str, str, Any]]:
    """What tasks left; one that failed before it left anything is there by its operator."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    here = XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id
    ours = select(XComModel.task_id).where(*here, XComModel.key == NAMED)
    rows = session.scalars(
        select(XComModel)
        .where(*here, XComModel.task_id.in_(ours), XComModel.key.in_((NAMED, "return_value")))
        .order_by(XComModel.timestamp)
    )
    left = [(row.task_id, row.key, XComModel.deserialize_value(row)) for row in rows]
    failed = session.scalars(
        select(TaskInstance.task_id)
        .where(TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
        .where(TaskInstance.operator.in_(LAST), TaskInstance.state.in_(("failed", "upstream_failed")))
        .order_by(TaskInstance.task_id)
    )
    return left + [(task_id, NAMED, None) for task_id in failed]
