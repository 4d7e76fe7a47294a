"""Finished runs, what they left in Airflow, and who asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.engine.samples import LAYER

CYRILLIC, HTML = "кот «Ё» 'x'.png", "<img src=x onerror=alert(1)>.png"
USERS = "admin:admin,vic:viewer"
STATE_STORE = tuple(map(int, version("apache-airflow").split(".")[:2])) >= (3, 3)  # of tasks: where progress stands


@dataclass
class Run:
    """A finished run of the DAG golden_case, or of another one with a task save_masks. tab: its routes."""

    dag_id: str
    run_id: str
    result: Any
    task_id: str = "save_masks"

    @property
    def place(self) -> str:
        return f"dags/{quote(self.dag_id, safe='')}/runs/{quote(self.run_id, safe='')}"

    @property
    def tab(self) -> str:
        return f"/savemasks/api/{self.place}/tasks/{self.task_id}/-1"


def finished(run: Any, task_id: str = "save_masks") -> Run:
    return Run(run.dag_id, run.run_id, xcom(run.dag_id, run.run_id, task_id, "return_value"), task_id)


def xcom(dag_id: str, run_id: str, task_id: str, key: str) -> Any:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        query = XComModel.get_many(run_id=run_id, key=key, dag_ids=dag_id, task_ids=task_id)
        row = session.scalars(query).first()
        return None if row is None else XComModel.deserialize_value(row)


def set_xcom(run: Run, value: Any, key: str = "return_value") -> None:
    """As somebody who may write XComs of this DAG."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(XComModel)
            .where(XComModel.run_id == run.run_id, XComModel.dag_id == run.dag_id, XComModel.task_id == run.task_id)
            .where(XComModel.key == key)
            .values(value=value)
        )


def token(served: Any, user: str) -> dict[str, str]:
    """The header of somebody who logged in."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    body = {"username": user, "password": SimpleAuthManager.get_passwords()[user]}
    return {"Authorization": f"Bearer {served.post('/auth/token', json=body).json()['access_token']}"}


def export(dags: Any, project: Path, layer: dict[str, Any] = LAYER) -> Any:
    return dags["golden_case"].test(run_conf={"project": str(project), "layer": layer})


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
        values |= {"executor_config": {}, "try_number": 1, "max_tries": 0, "state": left.pop("state", "success")}
        values |= {"span_status": "not"}
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
