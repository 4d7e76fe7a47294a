"""SaveMasksOperator(dry_run=True): a task that says what an export would do, and leaves everything as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.airflow.ui.runs import finished, xcom
from tests.engine.samples import LAYER, make_project


@pytest.fixture
def team_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "team_files"
    root.mkdir()
    conn = {"conn_type": "savemasks", "host": str(root)}
    monkeypatch.setenv("AIRFLOW_CONN_GOLDEN_TEAM_FILES", json.dumps(conn))
    return root


def asset_events() -> int:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        query = select(func.count()).select_from(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        return session.scalar(query.where(AssetModel.name == "planned_masks"))


def shown(run: Any, told: dict[str, Any]) -> str:
    """What the tab Masks is told of a planned run."""
    from airflow_savemasks.ui import telling
    from airflow_savemasks.ui.access import TaskRecord

    fields = dict.fromkeys(TaskRecord.__dataclass_fields__)
    record = TaskRecord(**{**fields, "dag_id": run.dag_id, "run_id": run.run_id, "ours": True, "result": told})
    page = telling.summary(record)
    assert page["result"] is None
    assert page["plan"]["would_fail"] == told["would_fail"]
    assert page["plan"]["items"] == told["items"]
    return page["plan"]["would_write"]


def test_a_dry_run_says_what_an_export_would_do_and_starts_nobody_who_waits_for_the_archive(
    dags: Any, team_files: Path, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project", items=6)
    (project / "ds0" / "ann" / "0003.png.json").write_text("{")
    conf = {"project": str(project), "layer": LAYER}
    run = dags["planned_case"].test(run_conf={**conf, "plan": True})
    assert run.state == "success"
    told = finished(run).result
    assert told["dry_run"]
    assert told["items"] == {"rendered": 5, "reused": 0, "skipped": 1}
    assert told["would_fail"] == ["1 bad item; none may be left out"]
    bad = team_files / "export.plan.bad_items.jsonl"
    assert told["bad_items_file"] == str(bad)
    assert [orjson.loads(line)["item"] for line in bad.read_bytes().splitlines()] == ["ds0/0003.png"]
    assert xcom(run.dag_id, run.run_id, "save_masks", "savemasks") == {"bad_items": str(bad)}
    assert [path.name for path in team_files.iterdir()] == [bad.name]
    assert asset_events() == 0
    assert shown(run, told) == told["would_write"]

    (project / "ds0" / "ann" / "0003.png.json").unlink()
    run = dags["planned_case"].test(run_conf={**conf, "plan": True})
    told = finished(run).result
    assert (told["would_fail"], told["bad_items_file"], list(team_files.iterdir())) == ([], None, [])
    run = dags["planned_case"].test(run_conf={**conf, "plan": False})
    assert finished(run).result["items"] == told["items"]
    assert asset_events() == 1


def test_a_group_is_not_planned_as_a_whole() -> None:
    from airflow.sdk import DAG

    from airflow_savemasks.task_groups import save_masks_group

    with DAG("d", schedule=None), pytest.raises(ValueError, match="a plan is one task"):
        save_masks_group(layer=LAYER, dry_run=True)
