"""A real `airflow standalone` on loopback, and Debian's Chromium: `make browser`. Both end with the session.

Where there is no Chromium, or no Playwright, everything here is skipped, and it is said why.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.helpers import CASE, FIGURES, PICTURES, ROOT
from tests.engine.samples import LAYER, make_project

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
USERS = "admin:admin,vic:viewer,nobody:"  # the last one has no role: may log in, and nothing else
PATIENCE = 240  # seconds for whatever Airflow does
WAIT = 60_000  # milliseconds for whatever a page does


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = None
    if shutil.which("chromium") is None:
        missing = "there is no chromium: apt-get install chromium"
    elif importlib.util.find_spec("playwright") is None:
        missing = "there is no Playwright: make .browser/installed"
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=missing))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / "figures.txt").write_text("\n".join(FIGURES) + "\n")
        terminalreporter.write_line("\n" + "\n".join(FIGURES))


class Airflow:
    """The server, and what a script asks of it. home: AIRFLOW_HOME, with Team Files in it."""

    def __init__(self, address: str, home: Path, passwords: dict[str, str]) -> None:
        self.address, self.home, self.passwords = address, home, passwords
        self.token = ""
        self.token = self.token_of("admin")

    def token_of(self, user: str) -> str:
        body = {"username": user, "password": self.passwords[user]}
        return str(self.call("POST", "/auth/token", body)["access_token"])

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

    def export(self, project: Path, dst: str, layer: dict[str, Any] = LAYER, **options: str) -> str:
        """A run of the DAG browser_case; its id."""
        return self.trigger(CASE, {"project": str(project), "layer": {**layer, "dst": dst}, **options})

    def wait(self, dag_id: str, run_id: str) -> str:
        """The state in which a run ended."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            state = self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]
            if state in ("success", "failed"):
                return str(state)
            time.sleep(0.5)
        raise AssertionError(f"{run_id} did not end within {PATIENCE} s")


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
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
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
    before = signal.signal(signal.SIGTERM, interrupt)  # who ends the tests ends what they started
    with (home / "out.log").open("wb") as log:
        server = subprocess.Popen(script, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + PATIENCE
        while "user nobody" not in (home / "out.log").read_text():
            assert server.poll() is None, (home / "out.log").read_text() + (home / "ui.log").read_text()[-3000:]
            assert time.monotonic() < until, "Airflow did not start"
            time.sleep(1)
        passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
        yield Airflow(f"http://127.0.0.1:{port}", home, passwords)
    finally:
        server.send_signal(signal.SIGTERM)  # it ends all that it started, by their ids
        server.wait(timeout=120)
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium: Any, airflow: Airflow) -> Iterator[Callable[..., Any]]:
    """Pages of somebody who is logged in; a dialog of a script fails the test, as do errors in the page's scripts."""
    contexts, wrong = [], []

    def make(user: str | None = "admin", **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT)
        if user is not None:
            token = airflow.token if user == "admin" else airflow.token_of(user)
            context.add_cookies([{"name": "_token", "value": token, "url": airflow.address}])
        page = context.new_page()
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def page(page_of: Callable[..., Any]) -> Any:
    """One of them, of the administrator."""
    return page_of()


@pytest.fixture(scope="session")
def green(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of 72 items in two datasets."""
    project = make_project(tmp_path_factory.mktemp("green"), 70)
    run_id = airflow.export(make_project(project, 2, "ds1"), "green")
    assert airflow.wait(CASE, run_id) == "success"
    return run_id


@pytest.fixture(scope="session")
def red(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with two bad items, of which one has a picture that decodes."""
    project = make_project(tmp_path_factory.mktemp("red"), 3)
    (project / "ds0/img/0001.png").write_bytes(b"<script>alert(1)</script>")
    (project / "ds0/ann/0002.png.json").write_text("{")
    run_id = airflow.export(project, "red")
    assert airflow.wait(CASE, run_id) == "failed"
    return run_id


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
