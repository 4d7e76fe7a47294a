"""One Airflow home for the session, with a migrated database; set before anything imports Airflow."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
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


@pytest.fixture
def everything_stored(airflow_home: Path) -> Callable[[], str]:
    """Gives all that the database holds, as text."""
    return lambda: _rows(airflow_home / "airflow.db")


def _rows(file: Path) -> str:
    """Read through SQLite, as the file alone lacks what is in its log yet."""
    with closing(sqlite3.connect(file)) as database:
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in database.execute(f'SELECT * FROM "{table}"')]
    return "\n".join(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for row in rows for value in row
    )
