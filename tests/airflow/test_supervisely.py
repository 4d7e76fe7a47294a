"""The Supervisely connection, its hook, and the sample DAG against the stand-in instance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.airflow.test_dags import result_of
from tests.engine.samples import exported, make_project
from tests.standin.server import StandIn

TOKEN = "a-token-that-must-not-leak"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with StandIn(token=TOKEN) as server:
        server.instance.add_project(make_project(tmp_path / "project", items=6), workspace="ws", name="leaves")
        connection = {"conn_type": "supervisely", "host": server.address, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_SUPERVISELY_DEFAULT", json.dumps(connection))
        root = f"supervisely://team/{server.instance.team.id}/masks"
        extra = {"root": root, "storage_conn_id": "supervisely_default", "parts_root": str(tmp_path / "parts")}
        monkeypatch.setenv(
            "AIRFLOW_CONN_SAVEMASKS_INSTANCE_TEAM_FILES", json.dumps({"conn_type": "savemasks", "extra": extra})
        )
        yield server


def test_the_sample_dag_takes_a_project_from_the_instance_to_its_team_files(instance, dags, everything_stored) -> None:
    colors = {"leaf": [100, 100, 100], "box": [200, 200, 200]}
    conf = {"project": "supervisely://ws/leaves", "machine_colors": colors, "human_colors": colors}
    run = dags["supervisely_to_team_files"].test(run_conf=conf)
    assert run.state == "success"
    result = result_of(run)
    assert exported(result) == 6
    team = instance.instance.team.id
    assert result["archive"] == f"supervisely://team/{team}/masks/masks.tar"
    assert "/masks/masks.tar" in instance.instance.storage.paths(team)
    assert TOKEN not in json.dumps(result)
    assert TOKEN not in everything_stored(), "the token is in an XCom, a rendered template or a log line"


@pytest.mark.usefixtures("airflow_home")
def test_the_test_button_says_who_answers(instance, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.hooks.supervisely import SuperviselyHook

    ok, message = SuperviselyHook().test_connection()
    assert ok
    assert instance.address in message
    wrong = {"conn_type": "supervisely", "host": instance.address, "password": "wrong-token"}
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", json.dumps(wrong))
    ok, message = SuperviselyHook("wrong").test_connection()
    assert not ok
    assert "401" in message
    assert "wrong-token" not in message


@pytest.mark.usefixtures("airflow_home")
def test_an_instance_that_refuses_or_is_silent_is_told_within_ten_seconds_after_two_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket
    import time

    from airflow_savemasks.hooks.supervisely import SuperviselyHook

    with socket.socket() as nobody, socket.socket() as silent:
        nobody.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for port, seconds in ((nobody.getsockname()[1], 5), (silent.getsockname()[1], 10)):
            connection = {"conn_type": "supervisely", "host": f"http://127.0.0.1:{port}", "password": TOKEN}
            monkeypatch.setenv("AIRFLOW_CONN_SILENT", json.dumps(connection))
            began = time.monotonic()
            works, message = SuperviselyHook("silent").test_connection()
            assert not works
            assert "no answer" in message
            assert TOKEN not in message
            assert time.monotonic() - began < seconds


def test_lineage_names_project_and_team_files_of_the_instance(
    instance, airflow_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urllib.parse import urlsplit

    from tests.airflow.seen import dags_test

    log = tmp_path / "lineage.jsonl"
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    colors = {"leaf": [100, 100, 100], "box": [200, 200, 200]}
    conf = {"project": "supervisely://ws/leaves", "machine_colors": colors, "human_colors": colors}
    said = dags_test(
        airflow_home, "supervisely_to_team_files", conf, AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport)
    )
    assert TOKEN not in said + log.read_text()
    events = [json.loads(line) for line in log.read_text().splitlines()]
    (event,) = [one for one in events if one["eventType"] == "COMPLETE" and one["outputs"]]
    namespace = f"supervisely://{urlsplit(instance.address).netloc}"
    (source,), (archive, _) = event["inputs"], event["outputs"]
    assert (source["namespace"], archive["namespace"]) == (namespace, namespace)
    assert source["name"].startswith("project/")
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 6
    assert archive["name"] == f"team/{instance.instance.team.id}/masks/masks.tar"
    assert archive["outputFacets"]["outputStatistics"]["rowCount"] == 6
