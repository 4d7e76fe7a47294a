"""One Airflow home for the session, with a migrated database; set before anything imports Airflow."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="savemasks-airflow-"))
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW_CONN_SAVEMASKS_ON_DEMAND": json.dumps(
        {"conn_type": "savemasks", "extra": {"root": str(HOME / "dags/sample/projects"), "only_below_root": True}}
    ),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
}

import shutil  # noqa: E402

import pytest  # noqa: E402


def pytest_configure() -> None:
    """DAGs of the repository and of the tests in one folder: dag.test() runs only what lies in the DAGs folder."""
    shutil.copytree(ROOT / "dags", HOME / "dags", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for file in (Path(__file__).parent / "dags").glob("*.py"):
        shutil.copy(file, HOME / "dags" / file.name)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The home, with a migrated database; removed at the end."""
    from airflow.utils.db import initdb

    initdb()
    yield HOME
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def dags(airflow_home: Path):
    """All DAGs, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(airflow_home / "dags"))
    assert bag.import_errors == {}
    return bag.dags
