"""A real `airflow standalone` on loopback, and Debian's Chromium: `make browser`. Both end with the session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = Path(os.environ.get("SCREENSHOTS", ROOT / ".browser"))


class Airflow:
    """The server, and what a script asks of it."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address, self.user, self.password = address, user, password
        self.token = ""
        self.token = self.call("POST", "/auth/token", {"username": user, "password": password})["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        body = {"logical_date": None, "conf": conf or {}}
        return str(self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def wait(self, dag_id: str, run_id: str, patience: float = 240) -> str:
        """The state in which a run ended."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            state = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            if state in ("success", "failed"):
                return str(state)
            time.sleep(1)
        raise AssertionError(f"{run_id} did not end within {patience} s")


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Started and ended by tests/tools/standalone.py, as `make ui` does."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__", "nightly*", "supervisely*"))
    shutil.copy(Path(__file__).parent / "dags/browser_case.py", dags)
    port = free_port()
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW_CONN_SAVEMASKS_ON_DEMAND": json.dumps(
            {"conn_type": "savemasks", "extra": {"root": str(dags / "sample/projects"), "only_below_root": True}}
        ),
        "PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    script = [sys.executable, str(ROOT / "tests/tools/standalone.py")]
    with (home / "out.log").open("wb") as log:
        server = subprocess.Popen(script, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 240
        while "password" not in (home / "out.log").read_text():
            assert server.poll() is None, (home / "out.log").read_text() + (home / "ui.log").read_text()[-3000:]
            assert time.monotonic() < until, "Airflow did not start"
            time.sleep(1)
        passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
        yield Airflow(f"http://127.0.0.1:{port}", "admin", passwords["admin"])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "needs chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, airflow: Airflow) -> Iterator[Any]:
    """A page of somebody who is logged in; a dialog of a script fails the test, as do errors in the page's scripts."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, bypass_csp=False)
    context.add_cookies([{"name": "_token", "value": airflow.token, "url": airflow.address}])
    page = context.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
