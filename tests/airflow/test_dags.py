"""Every sample DAG parses and runs as it stands; a golden case runs through one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.engine.samples import members

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
    assert result["items"] == items
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


def test_the_trigger_form_refuses_a_colour_that_is_none(dags) -> None:
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
    assert result_of(run)["items"] == 3
    assert list(result_of(run, "take_from_inbox")["broken"]) == ["broken.jpg"]
