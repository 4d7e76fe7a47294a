"""A real scheduler: DAGs on the asset of an archive, and on its alias, start and read what the event says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.services import Services, find, wait_for
from tests.engine.samples import make_project

MISSING = [name for name in ("initdb", "postgres", "createdb") if find(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING} (Debian: postgresql)")
ROOT = Path(__file__).parents[2]
DAGS = {"seen_case", "seen_group", "reads_alias", "reads_asset", "ingest_then_save_masks", "train_on_masks"}
ENDED = ("success", "failed")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    place = tmp_path_factory.mktemp("assets")
    dags = place / "dags"
    shutil.copytree(ROOT / "dags/sample", dags / "sample")
    for file in ("dags/ingest_then_save_masks.py", "dags/train_on_masks.py", "tests/airflow/dags/seen_case.py"):
        shutil.copy(ROOT / file, dags)
    services = Services(place / "home", dags, workers=())
    services.environment["AIRFLOW__CORE__PARALLELISM"] = "4"
    try:
        services.start()
        wait_for("the DAGs", lambda: {one["dag_id"] for one in services.call("GET", "/dags")["dags"]} >= DAGS, 120)
        yield services
    finally:
        services.stop()


def runs(airflow: Services, dag_id: str) -> list[dict[str, Any]]:
    return airflow.call("GET", f"/dags/{dag_id}/dagRuns?order_by=run_after")["dag_runs"]


def run(airflow: Services, dag_id: str, conf: dict[str, Any]) -> str:
    """A run to its end, which is a good one; its place in the API."""
    body = {"logical_date": None, "conf": conf}
    place = f"/dags/{dag_id}/dagRuns/{airflow.call('POST', f'/dags/{dag_id}/dagRuns', body)['dag_run_id']}"
    wait_for(dag_id, lambda: airflow.call("GET", place)["state"] in ENDED, 180)
    assert airflow.call("GET", place)["state"] == "success"
    return place


def started(airflow: Services, dag_id: str, before: int) -> dict[str, Any]:
    """The run that an event started, once it has ended."""
    wait_for(f"a run of {dag_id}", lambda: len(runs(airflow, dag_id)) > before, 120)
    wait_for(f"{dag_id}'s end", lambda: runs(airflow, dag_id)[before]["state"] in ENDED, 180)
    found = runs(airflow, dag_id)[before]
    assert (found["state"], found["run_type"]) == ("success", "asset_triggered")
    return found


def xcom(airflow: Services, run: dict[str, Any], task: str) -> Any:
    place = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/{task}/xcomEntries/return_value"
    value = airflow.call("GET", f"{place}?deserialize=true")["value"]
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize("dag_id", ["seen_case", "seen_group"])
def test_a_dag_on_the_asset_and_one_on_its_alias_start_and_read_the_event(
    airflow: Services, tmp_path: Path, dag_id: str
) -> None:
    before = {reader: len(runs(airflow, reader)) for reader in ("reads_asset", "reads_alias")}
    project = make_project(tmp_path / "project", items=4)
    place = run(airflow, dag_id, {"project": str(project), "dst": dag_id})
    out = airflow.home / "team_files"
    digest = sha256((out / f"{dag_id}.manifest.json").read_bytes()).hexdigest()
    expected = {
        "archive": str(out / f"{dag_id}.tar"),
        "manifest": str(out / f"{dag_id}.manifest.json"),
        "index": str(out / f"{dag_id}.index.jsonl"),
        "manifest_sha256": digest,
        "items": {"rendered": 4, "reused": 0, "skipped": 0},
        "classes": {"leaf": 4, "box": 4},
        "class_count": 2,
        "rendered": 4,
        "reused": 0,
        "bytes": (out / f"{dag_id}.tar").stat().st_size,
        "unchanged": False,
    }
    (extra,) = xcom(airflow, started(airflow, "reads_asset", before["reads_asset"]), "read")
    assert extra == expected
    uri, extra, triggering = xcom(airflow, started(airflow, "reads_alias", before["reads_alias"]), "read")
    assert (uri, extra) == (f"file://{out}/{dag_id}.tar", expected)
    assert [uri, expected] in triggering
    if dag_id == "seen_case":
        check_log(airflow.call("GET", f"{place}/taskInstances/save_masks/logs/1?full_content=true")["content"], out)


def check_log(content: list[dict[str, Any]], out: Path) -> None:
    """Of ours at INFO a line at the start and one at the end."""
    ours = [one for one in content if str(one.get("logger", "")).startswith("airflow_savemasks")]
    said = [one["event"] for one in ours if one.get("level") == "info"]
    assert len(said) == 2, content
    assert said[0] == f"{out}/seen_case.tar: 4 items, 0 of them finished already"
    assert said[1].startswith(f"{out}/seen_case.tar: 4 items, ")
    assert said[1].endswith(" images/s")


def test_the_sample_trains_on_the_archive_of_the_event_and_not_again_on_the_same(airflow: Services) -> None:
    run(airflow, "ingest_then_save_masks", {})
    first = started(airflow, "train_on_masks", 0)
    out = airflow.home / "team_files"
    balance = xcom(airflow, first, "class_balance")
    assert balance["archive"] == str(out / "desk.tar")
    assert balance["manifest_sha256"] == sha256((out / "desk.manifest.json").read_bytes()).hexdigest()
    assert balance["pictures"] == 3
    run(airflow, "ingest_then_save_masks", {})
    again = started(airflow, "train_on_masks", 1)
    place = f"/dags/train_on_masks/dagRuns/{again['dag_run_id']}/taskInstances"
    tasks = airflow.call("GET", place)["task_instances"]
    assert {task["task_id"]: task["state"] for task in tasks} == {
        "which_archive": "skipped",
        "class_balance": "skipped",
    }
