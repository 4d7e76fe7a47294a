"""Airflow's own application with the Masks tab in it, its users, and a run to look at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui.runs import CYRILLIC, HTML, USERS, Run, export, finished, token
from tests.engine.samples import LAYER, add_item, annotation, make_project


@pytest.fixture(scope="module")
def served(airflow_home: Path):
    """A client of the real application, without a login."""
    from airflow import plugins_manager
    from starlette.testclient import TestClient

    from airflow_savemasks.ui.plugin import SaveMasksPlugin

    before = os.environ.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS")
    os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] = USERS
    from airflow.api_fastapi.app import create_app, purge_cached_app

    assert SaveMasksPlugin.fastapi_apps[0] in plugins_manager.get_fastapi_plugins()[0]
    with TestClient(create_app(apps="core"), raise_server_exceptions=False) as client:
        yield client
    purge_cached_app()
    os.environ.pop("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS")
    if before is not None:
        os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] = before


@pytest.fixture(scope="module")
def admin(served: Any):
    return token(served, "admin")


@pytest.fixture(scope="module")
def team_files(tmp_path_factory: pytest.TempPathFactory):
    """The root of the connection that golden_case writes through."""
    root = tmp_path_factory.mktemp("team") / "files"
    root.mkdir()
    os.environ["AIRFLOW_CONN_GOLDEN_TEAM_FILES"] = json.dumps({"conn_type": "savemasks", "extra": {"root": str(root)}})
    yield root
    del os.environ["AIRFLOW_CONN_GOLDEN_TEAM_FILES"]


@pytest.fixture(scope="module")
def shown(dags: Any, team_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with seven items: in two datasets, one without labels, two with names that hurt."""
    project = make_project(tmp_path_factory.mktemp("project"), 3)
    make_project(project, 1, "ds1")
    add_item(project, CYRILLIC, 7)
    add_item(project, HTML, 8)
    add_item(project, "empty.png", 9)
    bare = {**annotation(9), "objects": []}
    (project / "ds0/ann/empty.png.json").write_text(json.dumps(bare))
    run = export(dags, project, {**LAYER, "dst": "shown"})
    assert run.state == "success"
    return finished(run)
