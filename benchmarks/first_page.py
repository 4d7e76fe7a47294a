"""The first page of the Masks tab for an archive of very many items, which no server has open yet.

    python benchmarks/first_page.py [ITEMS] [LATENCY_MS] [MB_PER_SECOND]

Through the tab's own application, with what its page asks for: summary, archive, a page of 60 items. Airflow's part
(rights, task instance) is left out: it is a few milliseconds of its database. The archive is synthetic
(tests.tools.many.py); it lies in a folder, then on slow_s3.py. One line of JSON each, medians of five.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
ROUNDS = 5


@contextmanager
def slow_s3(latency: str, speed: str) -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, str(HERE / "slow_s3.py"), latency, speed],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.wait()


def record(root: str) -> Any:
    from airflow_savemasks.ui.access import TaskRecord

    result = {"archive": f"{root}/export.tar"}
    words = ("dag", "run", "task", -1, None, "success", 1, "SaveMasksOperator", None, None, None)
    return TaskRecord(*words, ours=True, conn_id="first_page", result=result)


def measure(root: str, project: Path, items: int, extra: dict[str, Any]) -> dict[str, Any]:
    from starlette.testclient import TestClient

    from airflow_savemasks.hooks.team_files import TeamFilesHook
    from airflow_savemasks.ui import app, routes
    from airflow_savemasks.ui.access import MAY_READ
    from tests.engine.samples import run
    from tests.tools.many import multiply

    os.environ["AIRFLOW_CONN_FIRST_PAGE"] = json.dumps({"conn_type": "savemasks", "extra": {"root": root, **extra}})
    storage = TeamFilesHook("first_page").open()
    run(project, storage)
    size = multiply(storage, "export", items)
    made = app.make_app()
    made.dependency_overrides[MAY_READ] = lambda: None
    made.dependency_overrides[routes.task_of] = lambda: record(root)
    tab = "/api/dags/d/runs/r/tasks/t/-1"
    took: dict[str, list[float]] = {"first_page": [], "last_page": [], "first_search": [], "search": [], "mask": []}
    last = f"items?offset={items - items % 60 - 60}&limit=60"
    with TestClient(made) as client:

        def ask(path: str) -> Any:
            answer = client.get(f"{tab}/{path}")
            assert answer.status_code == 200, answer.text
            return answer

        for _ in range(ROUNDS):
            routes.SHELF.__init__()  # type: ignore[misc]  # nothing is open
            for name, paths in (
                ("first_page", ("summary", "archive", "items?offset=0&limit=60")),
                ("last_page", (last,)),
                ("first_search", ("items?q=0777",)),
                ("search", ("items?q=0778",)),
                ("mask", ("items/0/files/human",)),
            ):
                began = time.perf_counter()
                for path in paths:
                    ask(path)
                took[name].append(time.perf_counter() - began)
    middle = {name: round(median(seconds), 3) for name, seconds in took.items()}
    where = root.partition("://")[0] if "://" in root else "folder"
    return {"root": where, "items": items, "index_bytes": size, **middle}


def main() -> None:
    items, latency, speed = int((*sys.argv[1:2], "100000")[0]), *(*sys.argv[2:4], *("20", "80")[len(sys.argv[2:4]) :])
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["AIRFLOW_HOME"] = f"{scratch}/home"
        from tests.engine.samples import make_project

        project = make_project(Path(scratch) / "project", 10)
        team_files = Path(scratch) / "team_files"
        team_files.mkdir()
        print(json.dumps(measure(str(team_files), project, items, {})), flush=True)
        with slow_s3(latency, speed) as address:
            os.environ["AWS_ENDPOINT_URL"] = address
            told = measure("s3://bucket/x", project, items, {})
            print(json.dumps({**told, "latency_ms": float(latency), "mb_per_second": float(speed)}), flush=True)


if __name__ == "__main__":
    main()
