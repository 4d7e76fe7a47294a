"""docs/observability.md: its code runs as it stands there, and its tables and lines are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.seen import StatsD, dags_test, team_files
from tests.engine.samples import make_project

PAGE = (Path(__file__).parents[2] / "docs/observability.md").read_text("utf-8")
DAGS: dict[str, str] = dict(re.findall(r"<!-- file: dags/(\w+)\.py -->\n```python\n(.*?)```", PAGE, re.DOTALL))
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
LINES = [block.splitlines() for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)]


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    rows = re.search(rf"^## {heading}$.*?^\|---[^\n]*\n((?:\|[^\n]*\n)+)", PAGE, re.DOTALL | re.MULTILINE)
    assert rows, heading
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[1].splitlines()]


def names(rows: list[list[str]]) -> set[str]:
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row[0])}


def environment(block: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(block)[1:])


@contextmanager
def chat() -> Iterator[tuple[str, list[str]]]:
    """A webhook on loopback: its address, and the texts that it was sent."""
    texts: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", texts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def home(airflow_home: Path) -> Path:
    for name, code in DAGS.items():
        (airflow_home / f"dags/{name}.py").write_text(code)
    return airflow_home


def test_the_page_has_code() -> None:
    assert set(DAGS) == {"masks_made", "masks_used", "masks_told"}
    assert PAGE.count("```python") == len(DAGS)
    assert len(SHELL) == 2


def test_the_dags_run_and_the_settings_of_lineage_and_metrics_work(home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=4)
    lineage, metrics = map(environment, SHELL)
    transport = json.loads(lineage["AIRFLOW__OPENLINEAGE__TRANSPORT"])
    transport["log_file_path"] = str(tmp_path / transport["log_file_path"])
    with StatsD() as sent:
        metrics["AIRFLOW__METRICS__STATSD_PORT"] = str(sent.port)
        dags_test(
            home,
            "masks_made",
            {"project": str(project), "dst": "page"},
            **team_files(tmp_path / "out"),
            **metrics,
            AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport),
        )
    assert sent.found()["items_rendered"] == (4, "c")
    assert '"rowCount": 4' in (tmp_path / "lineage.jsonl").read_text()
    said = dags_test(home, "masks_used", {})
    assert f"{tmp_path}/out/page.tar: 4 new, 0 as before" in said


def test_a_notifier_posts_the_summary_and_the_fact_of_a_failure(home: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=4)
    with chat() as (address, texts):
        more = {"CHAT": address, "NO_PROXY": "127.0.0.1", **team_files(tmp_path / "out")}
        dags_test(home, "masks_told", {"project": str(project)}, **more)
        (project / "ds0/img/0001.png").write_bytes(b"x")
        dags_test(home, "masks_told", {"project": str(project)}, **more)
        dags_test(home, "masks_told", {"project": str(tmp_path / "nowhere")}, **more)
    good, bad, missing = texts
    assert re.fullmatch(r"Exported 4 items, [\d.]+ kB, [\d.]+ s, [\d.]+ images/s\n.*/out/told\.tar", good), good
    assert bad.startswith(
        f"masks_told failed: 1 of 4 items is bad, first: {project}, ds0/0001.png: the picture does not"
    )
    assert missing == f"masks_told failed: {tmp_path}/nowhere: no meta.json there, so it is no project"
    assert len(bad.splitlines()) == len(missing.splitlines()) == 1


def test_the_tables_are_those_of_the_code() -> None:
    from airflow_savemasks.engine.errors import BadItemsError, ItemError
    from airflow_savemasks.engine.progress import STAGES, Progress
    from airflow_savemasks.operators import metrics
    from airflow_savemasks.operators.assets import event_extra
    from airflow_savemasks.operators.lineage import dataset_of

    progress = Progress()
    for stage in STAGES:
        with progress.stage(stage):
            progress.add(7)
    told: dict[str, str] = {}
    kinds = {"incr": "counter", "gauge": "gauge", "timing": "timing"}
    for unchanged in (False, True):
        keys = ("archive", "manifest", "index", "manifest_sha256", "classes", "class_count")
        items = {"rendered": 1, "reused": 2, "skipped": 3}
        result: dict[str, Any] = {**dict.fromkeys(keys), "items": items, "bytes": 4, "unchanged": unchanged}
        for error in (None, BadItemsError([ItemError("a", "b", "c")])):
            metrics._emit_all(lambda kind, name, _: told.update({name: kinds[kind]}), progress, result, error)
    assert {f"savemasks.{name}": kind for name, kind in told.items()} == {
        row[0].strip("`"): row[1] for row in table("Metrics")
    }
    assert names(table("Assets")) == set(event_extra(result))
    for place, namespace, name in table("OpenLineage"):
        assert dataset_of(place.strip("`"), "https://app.example.com") == (namespace.strip("`"), name.strip("`"))


def test_the_lines_are_those_that_are_said() -> None:
    from airflow_savemasks.engine.progress import outcome_line
    from airflow_savemasks.engine.summary import summary

    result = {
        "archive": "/data/masks/space.tar",
        "items": {"rendered": 410, "reused": 490, "skipped": 0},
        "unchanged": False,
        "bytes": 3_100_000_000,
        "stages": {"plan": 0.4, "render": 32.1, "publish": 0.5},
        "skipped": [],
        "warnings": ["3 classes have no colour", "x"],
        "unannotated": 0,
        "orphans": 0,
    }
    log, message = LINES
    assert log[-1] == outcome_line(result)
    assert message == summary(result).splitlines()
