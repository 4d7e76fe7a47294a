"""The fanned-out export makes the same archive, renders only what is needed, and refuses to publish holes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_savemasks.engine.settings.mask_options import MaskOptions
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.airflow.test_dags import result_of
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project, published
from tests.engine.samples import LAYER, WORK, add_item, make_project, run


@pytest.fixture
def group_run(dags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 4)
    extra = {"root": str(tmp_path / "team")}
    monkeypatch.setenv(
        "AIRFLOW_CONN_SAVEMASKS_TEAM_FILES_DEFAULT", json.dumps({"conn_type": "savemasks", "extra": extra})
    )
    return lambda conf: dags["group_case"].test(run_conf={"options": {}, **conf})  # or the last run's stay


def test_the_group_makes_the_archive_of_the_operator_and_reuses_like_it(group_run, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=40)
    conf = {"project": str(project), "layer": LAYER}
    first = group_run(conf)
    assert first.state == "success"
    result = result_of(first, "save_masks.assemble")
    alone = run(project, tmp_path / "alone")
    assert Path(result["archive"]).read_bytes() == Path(alone["archive"]).read_bytes()
    assert result["items"] == alone["items"] == {"rendered": 40, "reused": 0, "skipped": 0}
    assert result["sources"] == alone["sources"] != []
    assert result["stages"]["plan"] > 0
    assert not (tmp_path / "team" / ".parts").exists()
    add_item(project, "0020.png", seed=200)
    second = result_of(group_run(conf), "save_masks.assemble")
    assert second["items"] == {"rendered": 1, "reused": 39, "skipped": 0}
    third = result_of(group_run(conf), "save_masks.assemble")
    assert third["unchanged"]
    assert third["items"] == {"rendered": 0, "reused": 40, "skipped": 0}
    assert not (tmp_path / "team" / ".parts").exists()


@pytest.mark.parametrize("name", ["everything", "everything in shards", "files"])
def test_options_of_masks_out_of_a_run_s_conf_make_the_archive_that_the_shell_makes(
    group_run, tmp_path: Path, name: str
) -> None:
    project = make_full_project(tmp_path / "project", items=5)
    options = {key: value for key, value in OPTIONS[name].items() if key in MaskOptions.model_fields}
    conf = {"project": str(project), "layer": COLORS, "options": options}
    assert group_run(conf).state == "success"
    run(project, tmp_path / "alone", COLORS, **options)
    assert published(FolderStorage(tmp_path / "team")) == published(FolderStorage(tmp_path / "alone"))


def test_an_option_of_the_wrong_type_fails_where_the_group_plans(group_run, tmp_path: Path, capfd) -> None:
    project = make_project(tmp_path / "project", items=2)
    options = {"line_width": 2.5, "split": {"shares": {"a": "1"}}, "pick": {"classes": []}}
    failed = group_run({"project": str(project), "layer": LAYER, "options": options})
    assert failed.state == "failed"
    states = {ti.task_id: str(ti.state) for ti in failed.get_task_instances()}
    assert states["save_masks.plan"] == "failed"
    said = "".join(capfd.readouterr())
    for says in ("line_width: 2.5 is no whole number", "split.shares: '1' is no share", "pick.classes: [] is no list"):
        assert says in said.replace("\\'", "'")
    assert not (tmp_path / "team").exists() or not list((tmp_path / "team").iterdir())


def test_the_group_hands_every_option_to_each_of_its_tasks() -> None:
    from airflow.sdk import DAG

    from airflow_savemasks.operators.save_masks import OPTIONS
    from airflow_savemasks.task_groups import save_masks_group

    given = {name: f"{{{{ params.{name} }}}}" for name in OPTIONS}
    with DAG("group_of_all_options", schedule=None) as dag:
        save_masks_group(layer=LAYER, sources={"$data_1": "/x"}, **given)
    for name in ("plan", "assemble"):
        assert {option: getattr(dag.get_task(f"save_masks.{name}"), option) for option in OPTIONS} == given
    render = dag.get_task("save_masks.render").partial_kwargs
    assert {option: render[option] for option in OPTIONS} == given


def test_only_the_task_that_publishes_tells_assets() -> None:
    from airflow.sdk import DAG, Asset

    from airflow_savemasks.task_groups import save_masks_group

    with DAG("group_with_an_asset", schedule=None) as dag:
        save_masks_group(layer=LAYER, outlets=[Asset("file:///x.tar")])
    told = {task.task_id: list(task.outlets) for task in dag.tasks}
    assert told == {"save_masks.plan": [], "save_masks.render": [], "save_masks.assemble": [Asset("file:///x.tar")]}


def test_there_are_as_many_batches_as_airflow_maps_and_one_at_least() -> None:
    from airflow_savemasks.operators.steps import PlanOperator

    for batches in (1, 1024):
        assert PlanOperator(task_id="plan", layer=LAYER, batches=batches).batches == batches
    for batches in (0, 1025):
        with pytest.raises(ValueError, match=f"batches: {batches} is not between 1 and 1024"):
            PlanOperator(task_id="plan", layer=LAYER, batches=batches)


def test_the_bad_items_of_all_batches_come_together_in_one_task_and_one_file(group_run, tmp_path: Path, capfd) -> None:
    project = make_project(tmp_path / "project", items=40)
    bad = [f"{number:04d}.png" for number in (3, 17, 30)]
    for name in bad:
        (project / "ds0/img" / name).write_bytes(b"x")
    failed = group_run({"project": str(project), "layer": LAYER})
    assert failed.state == "failed"
    assert not (tmp_path / "team/export.tar").exists()
    states = {ti.task_id: set() for ti in failed.get_task_instances()}
    for ti in failed.get_task_instances():
        states[ti.task_id].add(str(ti.state))
    assert states["save_masks.render"] == {"success"}
    assert states["save_masks.assemble"] == {"failed"}
    lines = [json.loads(line) for line in (tmp_path / "team/export.bad_items.jsonl").read_bytes().splitlines()]
    assert [line["item"] for line in lines] == [f"ds0/{name}" for name in bad]
    told = "".join(capfd.readouterr())
    assert "3 of 40 items are bad, first: " in told
    assert all(name in told for name in bad)
    assert list((tmp_path / "team" / WORK).glob("*.receipt"))


def test_bad_items_that_are_to_be_retried_fail_their_own_batch(tmp_path: Path, monkeypatch) -> None:
    import threading

    from airflow_savemasks.engine.errors import BadItemsError
    from airflow_savemasks.engine.parts.batches import make_batches
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage.opening import open_storage
    from airflow_savemasks.operators.steps import AssembleOperator, RenderOperator
    from tests.engine.samples import job_of, plan_of

    project, storage = make_project(tmp_path / "project", items=6), open_storage(str(tmp_path / "out"))
    (project / "ds0/img/0004.png").write_bytes(b"x")  # five are finished by the first try
    for again in (True, False):
        job = job_of(project, retry_bad_items=again)
        files = plan_of(job, storage)
        outcomes = []
        for batch in (batches := make_batches(files, 1)):
            task = RenderOperator(task_id="render", layer=LAYER, batch=batch)
            if again:
                with pytest.raises(BadItemsError, match="0004.png"):
                    task.work(job, storage, threading.Event(), Progress())
            else:
                outcomes.append(task.work(job, storage, threading.Event(), Progress()))
    assert outcomes[0].pop("seconds") > 0
    assert outcomes == [{"rendered": 0, "reused": 0, "bad": 1}]
    task = AssembleOperator(task_id="assemble", layer=LAYER, plan=batches, outcomes=outcomes)
    with pytest.raises(BadItemsError, match=r"(?s)^1 of 6 items is bad, first: .*clear the task that plans") as refused:
        task.work(job, storage, threading.Event(), Progress())
    assert "\n" in str(refused.value)


def test_assemble_refuses_and_names_the_missing_items(tmp_path: Path) -> None:
    import threading

    from airflow_savemasks.engine.errors import ArchiveError
    from airflow_savemasks.engine.export import render_batch
    from airflow_savemasks.engine.parts.batches import make_batches
    from airflow_savemasks.engine.planning.plans import load_plan
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.publish.assemble import Rendered, assemble
    from airflow_savemasks.engine.storage.opening import open_storage
    from tests.engine.samples import job_of, layer, plan_of

    project, storage = make_project(tmp_path / "project", items=40), open_storage(str(tmp_path / "out"))
    job = job_of(project)
    files = plan_of(job, storage)
    for batch in make_batches(files, 20)[1:]:
        render_batch(job, storage, files, batch, threading.Event(), Progress())
    with pytest.raises(ArchiveError, match=r"2 of 40 items are missing: ds0/0000.png, ds0/0001.png. Clear the plan"):
        assemble(job, storage, files, Rendered(0))
    assert not (tmp_path / "out/export.tar").exists()
    with pytest.raises(ArchiveError, match="Clear the plan task"):
        load_plan(job_of(project, layer(masks_human=False)), storage, files.plan.name)


@pytest.mark.parametrize(
    "options",
    [{}, {"if_exists": "fail"}, {"if_exists": "rename"}, {"reuse": False}, {"if_exists": "fail", "reuse": False}],
)
def test_an_assemble_task_that_lost_its_answer_finds_its_own_result(tmp_path: Path, options: dict[str, object]) -> None:
    """It published, removed the work files, and was killed before Airflow had the result: the retry gives it."""
    import threading

    from airflow_savemasks.engine.errors import NotFound
    from airflow_savemasks.engine.export import render_batch
    from airflow_savemasks.engine.parts.batches import make_batches
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage.opening import open_storage
    from airflow_savemasks.operators.steps import AssembleOperator
    from tests.engine.samples import job_of, plan_of

    project, storage = make_project(tmp_path / "project", items=6), open_storage(str(tmp_path / "out"))
    job = job_of(project, **options)
    files = plan_of(job, storage)
    batches = make_batches(files, 2)
    outcomes = []
    for batch in batches:
        outcome = render_batch(job, storage, files, batch, threading.Event(), Progress())
        outcomes.append({"rendered": outcome.rendered, "reused": outcome.reused})
    task = AssembleOperator(task_id="assemble", layer=LAYER, plan=batches, outcomes=outcomes)
    first = task.work(job, storage, threading.Event(), Progress())
    assert not (tmp_path / "out/.parts").exists()
    again = task.work(job, storage, threading.Event(), Progress())
    assert again["unchanged"]
    assert [again[name] for name in ("archive", "files", "bytes")] == [
        first[name] for name in ("archive", "files", "bytes")
    ]
    assert len(list((tmp_path / "out").glob("*.tar"))) == 1
    (tmp_path / "out/export.manifest.json").unlink()
    with pytest.raises(NotFound):
        task.work(job, storage, threading.Event(), Progress())


def test_a_packed_source_is_indexed_once_for_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from airflow_savemasks.engine.planning.plans import use_indices
    from airflow_savemasks.engine.storage import packed
    from airflow_savemasks.engine.storage.opening import open_storage
    from tests.engine.samples import LAYER as RAW
    from tests.engine.samples import Options, job_of, open_job, open_sources, parse_layer, plan_of

    project, storage = make_project(tmp_path / "project", items=6), open_storage(str(tmp_path / "out"))
    shutil.make_archive(str(tmp_path / "project"), "tar", project)
    files = plan_of(job_of(f"{project}.tar"), storage)
    monkeypatch.setattr(packed, "tar_index", None)
    layer = parse_layer(RAW)
    sources = open_sources(layer, {"$data_1": f"{project}.tar"})
    use_indices(storage, "export", files.plan.name, sources.values())
    job = open_job(layer, sources, Options())
    assert len(job.inputs[0].source.load([planned.item for planned in files.items()])) == 6
