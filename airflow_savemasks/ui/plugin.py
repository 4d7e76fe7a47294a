"""The entry point `airflow.plugins`: where the Masks tab stands. Every process of Airflow imports this: nothing heavy.

The page itself is put together by the first request for it, in the API server alone.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_savemasks.operators.masks_page import MOUNTED, TAB, prefix
from airflow_savemasks.ui import note

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

RUN_TAB = f"{TAB}_run"
RUN = f"{MOUNTED}/dags/{{DAG_ID}}/runs/{{RUN_ID}}"
TASK = f"{RUN}/tasks/{{TASK_ID}}/{{MAP_INDEX}}"  # Airflow leaves {MAP_INDEX} as it is for a task that is not mapped


class Mounted:
    """The application, made by the first request: workers and the scheduler import the plugin, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._lock:
            if self._app is None:
                from airflow_savemasks.ui.app import make_app

                self._app = make_app()
        await self._app(scope, receive, send)


class SaveMasksPlugin(AirflowPlugin):
    """A tab on task instances and on DAG runs, and the note of a run."""

    name = "savemasks"
    fastapi_apps: list[Any] = [{"app": Mounted(), "url_prefix": MOUNTED, "name": "Save Masks"}]
    external_views: list[Any] = [
        {"name": "Masks", "href": prefix() + TASK, "destination": "task_instance", "url_route": TAB},
        {"name": "Masks", "href": prefix() + RUN, "destination": "dag_run", "url_route": RUN_TAB},
    ]
    listeners: list[Any] = [note]
