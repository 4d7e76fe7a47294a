"""The operator and the hooks by themselves, with a plain dict as context."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from airflow_savemasks.engine.errors import BadItemsError, Stopped
from tests.engine.samples import LAYER, make_project

pytestmark = pytest.mark.usefixtures("airflow_home")


class Store(dict):
    """Has the one method of the task state store that is used."""

    def set(self, key: str, value: Any) -> None:
        self.setdefault(key, []).append(value)


def context(xcoms: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    pull = mock.Mock(side_effect=lambda task_ids: (xcoms or {}).get(task_ids))
    return {"ti": mock.Mock(xcom_pull=pull, try_number=1), **more}


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from airflow_savemasks.operators.save_masks import SaveMasksOperator

    extra = {"root": str(tmp_path / "out")}
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps({"conn_type": "savemasks", "extra": extra}))

    def make(**arguments: Any) -> SaveMasksOperator:
        return SaveMasksOperator(**{"task_id": "save_masks", "layer": LAYER, "team_files_conn_id": "team", **arguments})

    return make


def test_a_source_without_an_entry_is_the_xcom_of_the_task_of_that_name(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    assert operator().execute(context({"data_1": str(project)}))["items"] == 4
    grouped = operator(task_id="group.save_masks")
    assert grouped.execute(context({"group.data_1": str(project), "data_1": "/no/such"}))["items"] == 4


def test_wrong_settings_fail_without_a_retry_and_say_what_to_do(operator) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"task 'data_1' returned None\. Add it to sources"):
        operator().execute(context())
    with pytest.raises(AirflowFailException, match="no root to look below"):
        operator(sources={"$data_1": "lemons"}).execute(context())
    with pytest.raises(AirflowFailException, match=r"connection 'nobody': does not exist"):
        operator(sources={"$data_1": "/x"}, project_conn_id="nobody").execute(context())
    with pytest.raises(AirflowFailException, match="on_bad_item: 'ignore' is unknown"):
        operator(sources={"$data_1": "/x"}, on_bad_item="ignore").execute(context())


def test_bad_items_may_be_retried(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "ds0/img/0001.png").write_bytes(b"x")
    with pytest.raises(BadItemsError, match="0001.png"):
        operator(sources={"$data_1": str(project)}).execute(context())


def test_a_graphs_projects_lie_below_the_root_of_the_project_connection(
    operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path / "projects/Fruits")
    extra = {"root": str(tmp_path / "projects")}
    monkeypatch.setenv("AIRFLOW_CONN_PROJECTS", json.dumps({"conn_type": "savemasks", "extra": extra}))
    settings = {"classes_mapping": "default", "tags_mapping": "default"}
    data = {"action": "data", "src": ["Fruits/*"], "dst": "$data_1", "settings": settings}
    assert operator(layer=[data, LAYER], project_conn_id="projects").execute(context())["items"] == 4
    assert operator(sources={"$data_1": "Fruits"}, project_conn_id="projects").execute(context())["items"] == 4


def test_layer_and_sources_are_templated_at_any_depth(operator) -> None:
    task = operator(layer={**LAYER, "dst": "export {{ ds }}"}, sources={"$data_1": "/data/{{ ds_nodash }}"})
    task.render_template_fields({"ds": "2026-01-02", "ds_nodash": "20260102"})
    assert task.layer["dst"] == "export 2026-01-02"
    assert task.sources == {"$data_1": "/data/20260102"}


def test_progress_is_told_to_the_task_state_store(operator, tmp_path: Path) -> None:
    store = Store()
    project = make_project(tmp_path / "project")
    operator(sources={"$data_1": str(project)}).execute(context(task_state_store=store))
    assert store["progress"][-1].startswith("4/4 items (100 %)")


def test_a_failing_store_does_not_fail_the_export(operator, tmp_path: Path) -> None:
    store = mock.Mock(set=mock.Mock(side_effect=OSError("database is locked")))
    project = make_project(tmp_path / "project")
    assert operator(sources={"$data_1": str(project)}).execute(context(task_state_store=store))["items"] == 4
    assert store.set.call_count == 1


def test_on_kill_stops_the_export_within_a_second(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=2000)
    task = operator(sources={"$data_1": str(project)})
    killed: list[float] = []
    threading.Timer(0.3, lambda: (killed.append(time.monotonic()), task.on_kill())).start()
    with pytest.raises(Stopped):
        task.execute(context())
    assert time.monotonic() - killed[0] < 1
    assert not list((tmp_path / "out").glob("export*"))


def test_without_a_connection_archives_go_below_airflow_home_and_the_log_says_where(
    operator, tmp_path: Path, airflow_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project(tmp_path / "project")
    caplog.set_level("INFO")
    result = operator(team_files_conn_id=None, sources={"$data_1": str(project)}).execute(context())
    assert Path(result["archive"]).parent == airflow_home / "team_files"
    assert str(airflow_home / "team_files") in caplog.text


def test_the_test_button_reads_and_writes(operator, tmp_path: Path) -> None:
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    (tmp_path / "out").mkdir()
    assert TeamFilesHook("team").test_connection() == (True, f"{tmp_path}/out can be read (0 entries) and written")
    assert list((tmp_path / "out").iterdir()) == []


def test_arguments_survive_the_serialization_of_a_dag(operator) -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("d", schedule=None) as dag:
        operator(sources={"$data_1": "/x"}, max_skipped=3)
    data = DagSerialization.to_dict(dag)
    json.dumps(data)
