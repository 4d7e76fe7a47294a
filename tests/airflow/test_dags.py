"""Every sample DAG parses and runs as it stands; a golden case runs through one."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture(autouse=True)
def form_as_it_was(dags) -> Iterator[None]:
    """`dag.test` leaves what a run was given in the params of the DAG and of its tasks."""
    dag = dags["save_masks_on_demand"]
    before = [(owner, owner.params) for owner in (dag, *dag.tasks)]
    for owner, params in before:
        owner.params = copy.deepcopy(params)
    yield
    for owner, params in before:
        owner.params = params


@pytest.mark.parametrize(
    ("dag_id", "items", "archive"),
    [("ingest_then_save_masks", 3, "desk"), ("save_masks_on_demand", 2, "space"), ("nightly_export", 2, None)],
)
def test_a_sample_dag_runs_as_it_stands_without_a_warning(
    dags, airflow_home: Path, monkeypatch, dag_id: str, items: int, archive: str | None
) -> None:
    connection = {"conn_type": "savemasks", "extra": {"root": str(airflow_home / "team_files")}}
    monkeypatch.setenv("AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT", json.dumps(connection))
    run = dags[dag_id].test()
    assert run.state == "success"
    result = result_of(run)
    assert result["warnings"] == []
    assert exported(result) == items
    path = Path(result["archive"])
    assert path.parent == airflow_home / "team_files"
    assert archive is None or path.stem == archive
    assert len(members(path)) == 1 + 4 * items


def test_the_training_reads_the_archive_that_its_asset_tells_of(dags, airflow_home: Path) -> None:
    from airflow.sdk import Asset

    made = dags["ingest_then_save_masks"].test()
    assert dags["ingest_then_save_masks"].get_task("save_masks").outlets == [Asset("desk_masks")]
    run = dags["train_on_masks"].test(run_conf={"archive": result_of(made)["archive"]})
    assert run.state == "success"
    found = result_of(run, "class_balance")
    assert found["pictures"] == 3
    assert set(found["classes"]) >= {"cat", "coffee", "camera"}
    assert found["classes"]["cat"]["pictures"] == 1
    assert 0 < sum(one["share"] for one in found["classes"].values()) < 1
    assert all(0 <= value <= 255 for one in found["classes"].values() for value in one["mean_rgb"] or [])
    missing = dags["train_on_masks"].test(run_conf={"archive": str(airflow_home / "nobody.tar")})
    assert missing.state == "failed"


@pytest.mark.parametrize(("share", "name"), [("train", "crew/astronaut"), ("val", "launch/rocket")])
def test_the_shards_are_split_and_a_training_streams_one_share(
    dags, airflow_home: Path, monkeypatch, share: str, name: str
) -> None:
    import numpy as np

    from airflow_savemasks import open_archive

    connection = {"conn_type": "savemasks", "extra": {"root": str(airflow_home / "team_files")}}
    monkeypatch.setenv("AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT", json.dumps(connection))
    run = dags["shards_for_training"].test(run_conf={"share": share})
    assert run.state == "success"
    result = result_of(run)
    assert result["warnings"] == []
    assert exported(result) == 2
    assert [Path(volume).name for volume in result["volumes"]] == [f"space_shards-0000{n}.tar" for n in (1, 2)]
    endings = ("json", "jpg", "human.jpg", "instances.png", "machine.png")
    assert {file for volume in result["volumes"] for file in members(volume)} == {
        f"{key}.{ending}" for key in ("crew/astronaut", "launch/rocket") for ending in endings
    }
    listed = airflow_home / "team_files" / f"space_shards.splits.{share}.txt"
    assert listed.read_text() == f"{name}\n"
    found = result_of(run, "class_balance")
    assert (found["share"], found["pictures"]) == (share, 1)
    (item,) = open_archive(result["archive"]).split(share)
    values = item.machine
    shown = {one for one, told in found["classes"].items() if told["mean_rgb"]}
    assert shown == set(item.pixels)
    assert {one for one, told in found["classes"].items() if told["labels"]} == shown
    for value, told in enumerate(found["classes"].values(), 1):
        below = item.picture[values == value]
        assert told["share"] == pytest.approx(len(below) / values.size, abs=1e-6)
        assert told["mean_rgb"] == ([round(float(one)) for one in np.mean(below, axis=0)] if len(below) else None)
    assert dags["shards_for_training"].test(run_conf={"share": share}).state == "success"


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
    for wrong in ("rocket red", "rocket: 7", "rocket: [1, 2, a]", "rocket: #12345", "rocket: red\ntower"):
        with pytest.raises(ParamValidationError, match="human_colors"):
            params["human_colors"] = wrong
    for right in ("", "rocket: orange", "rocket: #ff7b00\n\n tower: [1, 2, 3]\r\nhelmet:red\n", None):
        params["human_colors"] = right
        params.validate()
    params["human_colors"] = ""


def test_the_form_refuses_no_colors_in_more_than_a_moment(dags) -> None:
    import re
    import time

    pattern = dags["save_masks_on_demand"].params.get_param("human_colors").schema["pattern"]
    began = time.monotonic()
    for evil in ((" " * 40 + "\n") * 40 + "x", "a: red\n   " * 60 + "!", ":" * 3000, "a:" * 1000 + "\n"):
        assert not re.search(pattern, evil)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "name",
    ["a", "a/b", " a ", ".a", "a.b", "...", "..a/b", "Кот 1", "a/.b", ".partsx", "50% <b>",
     "", " ", ".", "..", "a/", "/a", "a//b", "a/../b", "a/.", ".parts", ".parts/a", "a\tb", "a\x7f", " .. ", "./a"],
)  # fmt: skip
def test_the_form_refuses_just_the_names_that_the_export_would(dags, name: str) -> None:
    import re

    from airflow_savemasks.engine.errors import SettingsError
    from airflow_savemasks.engine.settings.layer import parse_layer
    from tests.engine.samples import layer

    pattern = dags["save_masks_on_demand"].params.get_param("archive").schema["pattern"]
    try:
        parse_layer(layer(dst=name))
    except SettingsError:
        assert not re.search(pattern, name)
    else:
        assert re.search(pattern, name)


def test_the_form_suggests_the_projects_below_the_root(dags) -> None:
    assert dags["save_masks_on_demand"].params.get_param("project").schema["examples"] == ["space"]


def test_every_option_of_masks_is_in_the_form_and_reaches_the_export(dags, airflow_home: Path) -> None:
    """A field for each, of an object one for each of its keys."""
    from airflow_savemasks.engine.settings.human_mask import HumanMask
    from airflow_savemasks.engine.settings.mask_options import MaskOptions
    from airflow_savemasks.engine.settings.pick import Pick

    fields = set(dags["save_masks_on_demand"].params)
    objects = {"human": HumanMask, "pick": Pick}
    for name in MaskOptions.model_fields:
        keys = [f"{name}_{key}" for key in objects[name].model_fields] if name in objects else [name]
        assert name == "split" or set(keys) <= fields, name
    conf = {
        "archive": "everything", "machine_png": "palette", "unlisted": "auto", "overlap": "area", "line_width": 3,
        "instances": "ids", "semantic": True, "class_maps": True, "redact": True,
        "human_colors": "rocket: orange", "machine_colors": "rocket: [7, 7, 7]",
        "human_layout": "overlay", "human_alpha": 0.25, "human_max_side": 100, "human_format": "jpeg",
        "human_quality": 70, "pick_classes": ["rocket"], "pick_labelled": True,
        "shares": "train: 0.5\nval: 0.5\n", "split_seed": "2026", "layout": "webdataset",
    }  # fmt: skip
    run = dags["save_masks_on_demand"].test(run_conf=conf)
    assert run.state == "success"
    result = result_of(run)
    manifest = json.loads(Path(result["manifest"]).read_text())
    assert manifest["settings"]["options"] == {
        "machine_png": "palette", "unlisted": "auto", "overlap": "area", "line_width": 3, "instances": "ids",
        "semantic": True, "class_maps": True, "redact": True, "layout": "webdataset",
        "human": {"alpha": 0.25, "layout": "overlay", "max_side": 100, "format": "jpeg", "quality": 70},
        "pick": {"classes": ["rocket"], "labelled": True},
        "split": {"shares": [["train", 0.5], ["val", 0.5]], "seed": "2026"},
    }  # fmt: skip
    assert result["left_out"] == 1
    assert list(manifest["splits"]) == ["train", "val"]


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"shares": "train: 0.8\nval: 0.1"}, "adds up to 0.9"),
        ({"shares": "train: 0.8\nTrain: 0.2"}, "has a name twice"),
        ({"shares": "a/b: 1"}, "cannot name a file"),
    ],
)
def test_shares_that_cannot_be_fail_in_the_first_task(dags, capfd, conf: dict[str, str], says: str) -> None:
    run = dags["save_masks_on_demand"].test(run_conf=conf)
    assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()}["layer"] == "failed"
    assert says in "".join(capfd.readouterr())


def test_a_misspelled_color_in_the_form_fails_in_the_first_task(dags, capfd) -> None:
    run = dags["save_masks_on_demand"].test(run_conf={"human_colors": "rocket: oragne"})
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    assert states == {"layer": "failed", "save_masks": "upstream_failed"}
    assert 'gt_human_color.rocket: "oragne" is no colour; did you mean "orange"?' in "".join(capfd.readouterr())


def test_a_misspelled_class_is_an_error_with_what_may_be_meant(dags, capfd) -> None:
    run = dags["save_masks_on_demand"].test(run_conf={"human_colors": "rokcet: orange", "archive": "misspelled"})
    assert run.state == "failed"
    assert "no source has the class 'rokcet' (did you mean 'rocket'?)" in "".join(capfd.readouterr())


SAMPLES = sorted(path.stem for path in (Path(__file__).parents[2] / "dags").glob("*.py"))


@pytest.mark.parametrize("dag_id", SAMPLES)
def test_a_sample_says_what_it_needs_what_it_makes_and_whose_it_is(dags, dag_id: str) -> None:
    sample = dags[dag_id]
    assert sample.description
    assert {"savemasks", "sample"} < set(sample.tags)
    assert sample.owner == "savemasks samples"
    assert "**Needs**" in sample.doc_md
    assert "**Result:**" in sample.doc_md or dag_id == "train_on_masks"
    assert dag_id == "fan_out_export" or all(task.doc_md for task in sample.tasks)


def test_what_runs_by_the_clock_is_paused_when_it_is_new(dags) -> None:
    assert dags["nightly_export"].is_paused_upon_creation


def test_a_run_without_a_logical_date_is_named_after_its_day(dags) -> None:
    """As `airflow dags trigger` and the API make one."""
    from datetime import UTC, datetime

    import jinja2
    from airflow.sdk.definitions._internal.templater import SandboxedEnvironment

    env = SandboxedEnvironment(undefined=jinja2.StrictUndefined)
    task = dags["nightly_export"].get_task("save_masks")
    run = type("Run", (), {"logical_date": None, "run_after": datetime(2026, 3, 1, 5, tzinfo=UTC)})()
    from airflow.sdk.execution_time import macros

    assert env.from_string(task.layer["dst"]).render(dag_run=run) == "space 2026-03-01"
    assert env.from_string(task.reuse).render(dag_run=run, macros=macros) == "space 2026-02-28"


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
    assert (
        "connection 'savemasks_on_demand': does not exist\nAdd it, of type 'savemasks', with a root as its host"
        in told.replace("\\n", "\n")
    )


def test_the_page_of_a_sample_says_which_connections_are_missing_here(dags, monkeypatch) -> None:
    from airflow_savemasks.hooks.suggestions import missing_connections

    assert "Missing here" not in dags["save_masks_on_demand"].doc_md
    page = dags["supervisely_to_team_files"].doc_md
    assert "**Missing here:** the connection `supervisely_default`" in page
    assert "**Missing here:** the connection `savemasks_instance_team_files`" in page
    monkeypatch.setenv("AIRFLOW_CONN_SUPERVISELY_DEFAULT", '{"conn_type": "supervisely"}')
    assert "supervisely_default" not in missing_connections("supervisely_default", "no_such")


def test_the_makefile_defines_the_connection_of_the_export_on_demand() -> None:
    """As the shell that make starts reads it."""
    root = Path(__file__).parents[2]
    rules = "include Makefile\nshown:\n\t@$(AIRFLOW_ENV) printenv AIRFLOW_CONN_SAVEMASKS_ON_DEMAND\n"
    done = subprocess.run(
        ["make", "-s", "-f", "-", "shown"], input=rules, cwd=root, capture_output=True, text=True, check=True
    )
    connection = json.loads(done.stdout)
    assert connection["conn_type"] == "savemasks"
    assert connection["host"] == f"{root}/dags/sample/projects"
    assert connection["extra"] == {"only_below_root": True}
