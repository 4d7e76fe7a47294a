"""Runs of the DAGs in dags/seen_case.py for the tests of what is seen from outside, and a StatsD to send to."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self


class StatsD:
    """A socket on loopback that keeps what it is sent: `savemasks.items_rendered:4|c`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]
        self.lines: list[str] = []
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                self.lines += self._socket.recv(1 << 16).decode().splitlines()
            except TimeoutError:
                continue

    def found(self, prefix: str = "airflow.savemasks.") -> dict[str, tuple[float, str]]:
        """Name without the prefix -> sum of what was sent (the last one of a gauge), and its kind."""
        told: dict[str, tuple[float, str]] = {}
        for line in self.lines:
            name, value, kind = re.fullmatch(r"([^:]+):([^|]+)\|(\w+)", line).groups()  # type: ignore[union-attr]
            if name.startswith(prefix):
                before = told.get(name.removeprefix(prefix), (0.0, ""))[0] if kind == "c" else 0.0
                told[name.removeprefix(prefix)] = (before + float(value), kind)
        return told


def dags_test(home: Path, dag_id: str, conf: dict[str, Any], **environment: str) -> str:
    """`airflow dags test` in a process of its own, as whoever writes a DAG runs it; all that it says."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("airflow")), "dags", "test", dag_id, "-c", json.dumps(conf)],
        env={**os.environ, "AIRFLOW_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr


def team_files(folder: Path) -> dict[str, str]:
    """The connection of Team Files below a folder, for the environment."""
    connection = {"conn_type": "savemasks", "extra": {"root": str(folder)}}
    return {"AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT": json.dumps(connection)}
