"""Every sample DAG parses and runs as it stands; a golden case runs through one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.samples import exported, members

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
import compare  # noqa: E402


def result_of(run, task_id: str = "save_masks"):
    """The XCom that a task of a finished run returned."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        query = XComModel.get_many(run_id=run.run_id, key="return_value", dag_ids=run.dag_id, task_ids=task_id)
        row = session.execute(query).scalars().first() if not hasattr(query, "first") else query.first()
        return XComModel.deserialize_value(row)


def test_every_sample_dag_parses_without_connections(dags) -> None:
    assert {"ingest_then_save_masks", "nightly_export", "save_masks_on_demand"} <= set(dags)


@pytest.mark.parametrize(
    ("dag_id", "items", "archive"),
    [("ingest_then_save_masks", 3, "desk"), ("save_masks_on_demand", 2, "space"), ("nightly_export", 2, None)],
)
def test_a_sample_dag_runs_as_it_stands(dags, airflow_home: Path, dag_id: str, items: int, archive: str | None) -> None:
    run = dags[dag_id].test()
    assert run.state == "success"
    result = result_of(run)
    assert exported(result) == items
    path = Path(result["archive"])
    assert path.parent == airflow_home / "team_files"
    assert archive is None or path.stem == archive
    assert len(members(path)) == 1 + 4 * items


def test_a_golden_case_through_a_dag_run_is_equal_to_the_original(dags, tmp_path: Path, monkeypatch) -> None:
    connection = {"conn_type": "savemasks", "extra": {"root": str(tmp_path)}}
    monkeypatch.setitem(os.environ, "AIRFLOW_CONN_GOLDEN_TEAM_FILES", json.dumps(connection))
    case = GOLDEN / "mixed"
    conf = {"project": str(case / "project"), "layer": json.loads((case / "layer.json").read_text())}
    run = dags["golden_case"].test(run_conf=conf)
    assert run.state == "success"
    result = result_of(run)
    assert Path(result["archive"]).parent == tmp_path
    assert compare.main([str(case / "expected"), result["archive"]]) == 0


def test_the_trigger_form_refuses_a_color_that_is_none(dags) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = dags["save_masks_on_demand"].params
    for wrong in ({"rocket": "red"}, {"rocket": [1, 2]}, {"rocket": [1, 2, 256]}):
        with pytest.raises(ParamValidationError, match="human_colors"):
            params["human_colors"] = wrong
    params["human_colors"] = {"rocket": [1, 2, 3]}
    params.validate()


def test_a_broken_pair_in_the_inbox_turns_the_run_red_but_the_good_ones_are_exported(
    dags, airflow_home: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(airflow_home / "dags/sample/inbox", tmp_path / "inbox")
    (tmp_path / "inbox/broken.jpg").write_bytes(b"x")
    conf = {"inbox": str(tmp_path / "inbox"), "project": str(tmp_path / "project")}
    run = dags["ingest_then_save_masks"].test(run_conf=conf)
    assert run.state == "failed"
    assert exported(result_of(run)) == 3
    assert list(result_of(run, "take_from_inbox")["broken"]) == ["broken.jpg"]


@pytest.mark.parametrize("project", ["/etc", "../../sample/projects/space", "file:///etc", "s3://bucket/x"])
def test_who_triggers_the_export_on_demand_reads_nothing_but_projects_below_its_root(dags, project: str) -> None:
    run = dags["save_masks_on_demand"].test(run_conf={"project": project, "archive": "taken"})
    assert run.state == "failed"
    (ti,) = [ti for ti in run.get_task_instances() if ti.task_id == "save_masks"]
    assert str(ti.state) == "failed"
    assert not (Path(os.environ["AIRFLOW_HOME"]) / "team_files/taken.tar").exists()


def test_without_its_connection_the_export_on_demand_fails_and_says_what_to_add(dags, monkeypatch, capfd) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SAVEMASKS_ON_DEMAND")
    assert dags["save_masks_on_demand"].test().state == "failed"
    told = "".join(capfd.readouterr())
    assert "connection 'savemasks_on_demand': does not exist. Add it, of type 'savemasks', with a root" in told


def test_the_makefile_defines_the_connection_of_the_export_on_demand() -> None:
    """As the shell that make starts reads it."""
    root = Path(__file__).parents[2]
    rules = "include Makefile\nshown:\n\t@$(AIRFLOW_ENV) printenv AIRFLOW_CONN_SAVEMASKS_ON_DEMAND\n"
    done = subprocess.run(
        ["make", "-s", "-f", "-", "shown"], input=rules, cwd=root, capture_output=True, text=True, check=True
    )
    connection = json.loads(done.stdout)
    assert connection["conn_type"] == "savemasks"
    assert connection["extra"] == {"root": f"{root}/dags/sample/projects", "only_below_root": True}
