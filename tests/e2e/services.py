"""Redis, PostgreSQL and Airflow's components for end-to-end tests, each started and stopped by its process id."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find(name: str) -> str | None:
    """A program on the path or where Debian keeps PostgreSQL's."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ["PATH"]]))


def wait_for(what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Ask again and again until it is so; TimeoutError with `what` otherwise."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not ready after {seconds:.0f} s")
        time.sleep(0.3)


class Services:
    """Everything lives below one folder; `stop` ends all of it, children included.

    workers: names of Celery's; without any, tasks run on LocalExecutor.
    """

    def __init__(self, home: Path, dags: Path, workers: Sequence[str] = ("w1", "w2")) -> None:
        self.home = home
        self.workers = workers
        self.api_port, self.db_port, self.redis_port = free_port(), free_port(), free_port()
        self.address = f"http://127.0.0.1:{self.api_port}"
        database = f"airflow@127.0.0.1:{self.db_port}/airflow"
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor" if workers else "LocalExecutor",
            # workers of Celery need a connection that says where archives go: there is no folder to fall back to
            "AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT": json.dumps(
                {"conn_type": "savemasks", "extra": {"root": str(home / "team_files")}}
            ),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.api_port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "3600",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.scratch: list[Path] = []

    def start(self) -> None:
        """Database and broker, then Airflow; returns when it answers, and all workers are known to the broker."""
        self._start_database()
        if self.workers:
            words = ["--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", ""]
            self._spawn("redis", [find("redis-server") or "", *words])
        self.airflow("db", "migrate")
        for name in ("api-server", "scheduler", "dag-processor"):
            self._spawn(name, [str(BIN / "airflow"), name, *(["--workers", "1"] if name == "api-server" else [])])
        for name in self.workers:
            self.start_worker(name)
        wait_for("API server", self._healthy, 180)
        for name in self.workers:
            wait_for(f"worker {name}", lambda name=name: b"ready." in self._read_log(name), 180)

    def airflow(self, *words: str) -> None:
        """A command of Airflow's, to its end."""
        log = self._log("commands")
        subprocess.run([BIN / "airflow", *words], env=self.environment, check=True, stdout=log, stderr=log)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request to the API; its answer."""
        request = urllib.request.Request(
            f"{self.address}/api/v2{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def trigger(self, dag: str) -> str:
        """Start a run as soon as the DAG is known; the run's place in the API."""
        wait_for("the DAG", lambda: any(one["dag_id"] == dag for one in self.call("GET", "/dags")["dags"]), 90)
        run_id = self.call("POST", f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
        return f"/dags/{dag}/dagRuns/{run_id}"

    def start_worker(self, name: str) -> None:
        environment = {**self.environment, "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port())}
        pid_file = self.home / f"{name}.pid"
        pid_file.unlink(missing_ok=True)
        command = [str(BIN / "airflow"), "celery", "worker", "-H", f"{name}@%h", "--pid", str(pid_file)]
        self._spawn(name, command, environment)

    def kill(self, name: str) -> None:
        """SIGKILL to a component and everything it started: the machine is gone."""
        self._signal(self.processes.pop(name), signal.SIGKILL)

    def stop(self) -> None:
        for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            for process in self.processes.values():
                self._signal(process, number)
            until = time.monotonic() + patience
            while time.monotonic() < until and any(process.poll() is None for process in self.processes.values()):
                time.sleep(0.2)
        for folder in self.scratch:
            shutil.rmtree(folder, ignore_errors=True)

    def _start_database(self) -> None:
        data = Path(tempfile.mkdtemp(prefix="savemasks-postgres-"))  # its account may not enter pytest's folders
        self.scratch.append(data)
        account: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(data, user.pw_uid, user.pw_gid)
            account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        run = [find("initdb") or "", "-D", str(data), "-A", "trust", "-U", "airflow", "--no-sync"]
        subprocess.run(run, check=True, stdout=self._log("initdb"), cwd=data, **account)  # type: ignore[call-overload]
        options = ["-p", str(self.db_port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"]
        self._spawn("postgres", [find("postgres") or "", "-D", str(data), *options, "-c", "fsync=off"], **account)
        wait_for("PostgreSQL", self._create_database, 30)

    def _create_database(self) -> bool:
        command = [find("createdb") or "", "-h", "127.0.0.1", "-p", str(self.db_port), "-U", "airflow", "airflow"]
        return subprocess.run(command, check=False, stderr=self._log("createdb")).returncode == 0

    def _spawn(
        self, name: str, command: list[str], environment: dict[str, str] | None = None, **account: object
    ) -> None:
        log = self._log(name)
        self.processes[name] = subprocess.Popen(
            command,
            env=environment or self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **account,  # type: ignore[call-overload]
        )

    def _signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        """To every process of the session that the component leads."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                    if session == process.pid:
                        os.kill(int(entry.name), number)
                except (OSError, ProcessLookupError):
                    continue

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/api/v2/monitor/health", timeout=3) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _log(self, name: str):
        (self.home / "component-logs").mkdir(parents=True, exist_ok=True)
        return (self.home / "component-logs" / f"{name}.log").open("ab")

    def _read_log(self, name: str) -> bytes:
        path = self.home / "component-logs" / f"{name}.log"
        return path.read_bytes() if path.is_file() else b""
