"""`make ui`: Airflow on loopback with the sample DAGs unpaused, but for those that would run by the clock; shows each
login; ends with everything it started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HOME = Path(os.environ["AIRFLOW_HOME"])
PORT = os.environ.get("PORT", "8080")
ADDRESS = f"http://127.0.0.1:{PORT}"
BY_THE_CLOCK = {"nightly_export"}
PASSWORDS = HOME / "simple_auth_manager_passwords.json.generated"
SETTINGS = {
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__PORT": PORT,
    "AIRFLOW__API__BASE_URL": ADDRESS,
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{ADDRESS}/execution/",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
}


def session_processes(leader: int) -> list[int]:
    """All processes of the session that `leader` leads: standalone leaves some behind when it alone is told to end."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            if int(fields[3]) == leader:
                found.append(int(entry.name))
    return found


def end(leader: int) -> None:
    """INT, then TERM, then KILL for whatever is left."""
    for number, patience in ((signal.SIGINT, 8), (signal.SIGTERM, 8), (signal.SIGKILL, 2)):
        for pid in session_processes(leader):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        until = time.monotonic() + patience
        while session_processes(leader) and time.monotonic() < until:
            time.sleep(0.2)


def healthy() -> bool:
    """Whether the API server answers."""
    try:
        with urllib.request.urlopen(f"{ADDRESS}/api/v2/monitor/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def call(method: str, path: str, body: dict[str, object] | None = None, token: str = "") -> dict[str, Any]:
    """One request to the API."""
    request = urllib.request.Request(
        ADDRESS + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


def unpause(user: str, password: str) -> None:
    """Wait until the sample DAGs are parsed, then switch them on: a demo before this may have left them paused.

    What would run by itself at once is left to whoever looks.
    """
    token = call("POST", "/auth/token", {"username": user, "password": password})["access_token"]
    samples = {path.stem for path in Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).glob("*.py")} - BY_THE_CLOCK
    until = time.monotonic() + 90
    while samples and time.monotonic() < until:
        for dag_id in samples & {dag["dag_id"] for dag in call("GET", "/api/v2/dags", token=token)["dags"]}:
            call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False}, token)
            samples.discard(dag_id)
        time.sleep(1)


def main() -> int:
    """Start, show the login, wait for Ctrl-C, end."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with (HOME / "ui.log").open("wb") as log:
        airflow = subprocess.Popen(
            [str(Path(sys.executable).with_name("airflow")), "standalone"],
            env={**os.environ, **SETTINGS},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    print(f"Starting Airflow, which takes about a minute (log: {HOME / 'ui.log'}) ...", flush=True)
    try:
        while not (healthy() and PASSWORDS.is_file()):
            if airflow.poll() is not None:
                print(f"Airflow ended with {airflow.returncode}; look into {HOME / 'ui.log'}")
                return 1
            time.sleep(1)
        passwords = json.loads(PASSWORDS.read_text())
        unpause("admin", passwords["admin"])
        for user, password in passwords.items():
            print(f"\n  {ADDRESS}   user {user}   password {password}\n\nCtrl-C ends it.", flush=True)
        return airflow.wait()
    except KeyboardInterrupt:
        print("Ending ...", flush=True)
        return 0
    finally:
        end(airflow.pid)


if __name__ == "__main__":
    sys.exit(main())
