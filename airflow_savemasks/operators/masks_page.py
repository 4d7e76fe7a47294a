"""Where the Masks tab is to be found, and the links to it beside a task. Imports nothing heavy.

`get_link` runs on the worker once the task has ended, and what it returns is kept: so links are paths of Airflow's web
server, which the worker need not reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

MOUNTED = "/savemasks"  # the plugin's application
TAB = "savemasks"  # its tab in Airflow's own page
NOT_MAPPED = (-1, None)
NAMED = "savemasks"  # XCom in which a task says where its files will lie, before it makes them


def prefix() -> str:
    """The path below which Airflow's web server answers: "" or such as `/airflow`."""
    from airflow.sdk.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def page_of(key: TaskInstanceKey) -> str:
    """The page of a task instance in Airflow, at the tab."""
    mapped = "" if key.map_index in NOT_MAPPED else f"/mapped/{key.map_index}"
    run = f"/dags/{quote(key.dag_id, safe='')}/runs/{quote(key.run_id, safe='')}"
    return f"{prefix()}{run}/tasks/{quote(key.task_id, safe='')}{mapped}/plugin/{TAB}"


def download_of(key: TaskInstanceKey, what: str) -> str:
    """Where a file of a task's result is downloaded; "" for a task without one."""
    from airflow.sdk.execution_time.xcom import XCom

    result = XCom.get_value(ti_key=key, key="return_value")
    if not isinstance(result, dict) or what not in result:
        return ""
    place = f"dags/{quote(key.dag_id, safe='')}/runs/{quote(key.run_id, safe='')}/tasks/{quote(key.task_id, safe='')}"
    index = -1 if key.map_index in NOT_MAPPED else key.map_index
    return f"{prefix()}{MOUNTED}/api/{place}/{index}/download/{what}"


class MasksLink(BaseOperatorLink):
    """The gallery."""

    name = "Masks"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return page_of(ti_key)


class ArchiveLink(BaseOperatorLink):
    """The archive as a download: its first volume, if it has several."""

    name = "Archive"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return download_of(ti_key, "archive")


class ManifestLink(BaseOperatorLink):
    """The manifest."""

    name = "Manifest"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return download_of(ti_key, "manifest")
