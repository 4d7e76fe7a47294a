"""A run whose project and archive lie on a storage: OpenLineage's names for both, and the archive's asset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.airflow.seen import dags_test
from tests.airflow.test_seen import asset_events
from tests.engine.samples import make_project
from tests.storages.places import Place
from tests.storages.test_connections import connect, credentials  # noqa: F401
from tests.storages.test_contract import put

DAG = Path(__file__).parents[1] / "airflow/dags/seen_case.py"


@pytest.mark.parametrize("kind", ["s3", "gs", "azure", "sftp"])
def test_a_storage_is_named_as_openlineage_names_it(
    kind: str,
    airflow_home: Path,
    make_place: Callable[[str], Place],
    credentials: Callable[[str], None],  # noqa: F811
    connect: Callable[..., None],  # noqa: F811
    tmp_path: Path,
) -> None:
    place = make_place(kind)
    credentials(kind)
    for name, folder in (("savemasks_projects_default", "projects"), ("savemasks_team_files_default", "team")):
        connect(name, conn_type="savemasks", extra={"root": f"{place.root}/{folder}", "storage_conn_id": "storage"})
    project, there = make_project(tmp_path / "project", items=3), place.open("projects")
    for file in project.rglob("*.*"):
        put(there, f"lemons/{file.relative_to(project)}", file.read_bytes())
    (airflow_home / "dags").mkdir(exist_ok=True)
    shutil.copy(DAG, airflow_home / "dags")
    log = tmp_path / "lineage.jsonl"
    transport = json.dumps({"type": "file", "log_file_path": str(log), "append": True})
    said = dags_test(
        airflow_home,
        "seen_case",
        {"project": "lemons", "dst": "my masks #1"},
        AIRFLOW__OPENLINEAGE__TRANSPORT=transport,
    )
    events = [json.loads(line) for line in log.read_text().splitlines()]
    (event,) = [one for one in events if one["eventType"] == "COMPLETE" and "." in one["job"]["name"]] or [said]
    scheme, _, rest = place.root.partition("://")
    bucket, _, below = rest.partition("/")
    namespace = f"file://{bucket.rpartition('@')[2]}" if scheme == "sftp" else f"{scheme}://{bucket}"
    below = f"/{below}" if scheme == "sftp" else below
    (source,), (archive, manifest) = event["inputs"], event["outputs"]
    assert (source["namespace"], source["name"]) == (namespace, f"{below}/projects/lemons")
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 3
    assert (archive["namespace"], archive["name"]) == (namespace, f"{below}/team/my masks #1.tar")
    wrote = archive["outputFacets"]["outputStatistics"]
    assert (wrote["rowCount"], wrote["size"]) == (3, place.open("team").stat("my masks #1.tar").size)
    assert manifest["name"] == f"{below}/team/my masks #1.manifest.json"
    quoted = f"{place.root}/team/my%20masks%20%231.tar"
    (extra,) = asset_events(quoted)
    assert extra["archive"] == f"{place.root}/team/my masks #1.tar"
