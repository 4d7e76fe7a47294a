"""The operator and the hooks by themselves, with a plain dict as context."""

from __future__ import annotations

import json
import tarfile
import threading
import time
from hashlib import sha256
from inspect import signature
from pathlib import Path
from types import NoneType
from typing import Any, Union
from unittest import mock

import pytest

from airflow_savemasks.engine.errors import (
    AccessError,
    ArchiveError,
    BadItemsError,
    Changed,
    GateError,
    ItemError,
    NotFound,
    ProjectError,
    SettingsError,
    Stopped,
    StorageError,
)
from tests.engine.samples import LAYER, exported, make_project
from tests.engine.storage.web import served

pytestmark = pytest.mark.usefixtures("airflow_home")


class Store(dict):
    """Has the one method of the task state store that is used."""

    def set(self, key: str, value: Any) -> None:
        self.setdefault(key, []).append(value)


def context(xcoms: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    pull = mock.Mock(side_effect=lambda task_ids, map_indexes: (xcoms or {}).get(task_ids))
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
    assert exported(operator().execute(context({"data_1": str(project)}))) == 4
    grouped = operator(task_id="group.save_masks")
    assert exported(grouped.execute(context({"group.data_1": str(project), "data_1": "/no/such"}))) == 4


def test_a_context_without_a_task_instance_is_enough_where_all_sources_are_given(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    assert exported(operator(sources={"$data_1": str(project)}).execute({})) == 4


def test_wrong_settings_fail_without_a_retry_and_say_what_to_do(operator) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"task 'data_1' returned nothing\nAdd it to sources"):
        operator().execute(context())
    with pytest.raises(AirflowFailException, match="no root to look below"):
        operator(sources={"$data_1": "lemons"}).execute(context())
    with pytest.raises(AirflowFailException, match=r"connection 'nobody': does not exist"):
        operator(sources={"$data_1": "/x"}, project_conn_id="nobody").execute(context())
    with pytest.raises(AirflowFailException, match="on_bad_item: 'ignore' is unknown"):
        operator(sources={"$data_1": "/x"}, on_bad_item="ignore").execute(context())


OWN = ("layer", "sources", "team_files_conn_id", "project_conn_id")  # arguments that are no options


def written(field: Any) -> Any:
    """What the operator's signature has to say of an option: its types, or the text that a template makes of it."""
    from airflow_savemasks.engine.settings import describe

    if describe.is_object(field):
        return dict[str, Any] | str | None
    types = describe.kinds(field)
    return Union[*dict.fromkeys([kind for kind in types if kind is not NoneType] + [str])] | (
        None if NoneType in types else str
    )


def test_the_written_out_signature_is_that_of_the_model() -> None:
    from airflow_savemasks.engine.settings import describe
    from airflow_savemasks.engine.settings.options import Options
    from airflow_savemasks.engine.settings.texts import checked
    from airflow_savemasks.operators.save_masks import OPTIONS, SaveMasksOperator
    from airflow_savemasks.task_groups import SHARED

    arguments = signature(SaveMasksOperator.__init__, eval_str=True).parameters
    assert [name for name in arguments if name not in ("self", "kwargs", "dry_run", *OWN)] == list(OPTIONS)
    assert tuple(Options.model_fields) == OPTIONS
    for name, field in describe.FIELDS.items():
        assert arguments[name].default == describe.default_in_a_dag(field), name
        assert type(arguments[name].default) is type(describe.default(field)), name
        assert arguments[name].annotation == written(field), name
        assert checked({name: arguments[name].default}) == Options(**{name: arguments[name].default or field.default})
    assert set(SHARED) == set(arguments) - {"self", "kwargs", "dry_run"}
    assert set(SaveMasksOperator.template_fields) == {*SHARED, "only_plan"}  # as `dry_run` is a method of Airflow's
    shown_as_json = {"layer", "sources", "human", "pick", "split", "gates", "limits"}
    assert SaveMasksOperator.template_fields_renderers == dict.fromkeys(shown_as_json, "json")


def test_every_argument_that_is_no_option_stands_in_the_docstring() -> None:
    from airflow_savemasks.operators.save_masks import OPTIONS, SaveMasksOperator

    said = SaveMasksOperator.__doc__ or ""
    for name in signature(SaveMasksOperator.__init__).parameters:
        assert name in ("self", "kwargs", *OPTIONS) or f"{name}: " in said, name


def test_an_argument_is_kept_as_it_was_given(operator) -> None:
    from airflow_savemasks.operators.save_masks import OPTIONS

    for name in OPTIONS:
        assert getattr(operator(**{name: "{{ params.it }}"}), name) == "{{ params.it }}"


def test_options_are_typed_whatever_a_template_made_of_them(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    task = operator(
        sources='{"$data_1": "{{ where }}"}',
        workers="{{ workers }}",
        reuse="{{ reuse }}",
        limits='{"labels": {{ labels }} }',
        volume_size="{{ none }}",
    )
    task.render_template_fields({"where": str(project), "workers": 2, "reuse": False, "labels": 100})
    assert exported(task.execute(context())) == 4
    assert task.execute(context())["items"]["reused"] == 0
    task = operator(sources={"$data_1": str(project)}, limits={"labels": 1}, reuse=False)
    with pytest.raises(Exception, match="labels"):
        task.execute(context())


def test_a_source_may_be_a_stream_whose_query_is_masked(
    operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.hooks import secrets

    masked: list[str] = []
    monkeypatch.setattr(secrets, "mask_secret", masked.append)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(make_project(tmp_path / "project"), "project")
    with served() as web:
        web.gives(tmp_path / "x.tar.gz")
        task = operator(sources={"$data_1": "{{ where }}"})
        task.render_template_fields({"where": f"{web.root}/plain/x.tar.gz?token=geheim%2099"})
        assert {"token=geheim%2099", "token=geheim 99"} <= set(masked)
        result = task.execute(context())
        assert exported(result) == 4
        assert "geheim" not in json.dumps(result)
        task = operator(sources={"$data_1": f"{web.root}/status/403/x.tar.gz?token=geheim99"})
        with pytest.raises(AirflowFailException, match="the server answers 403 Forbidden") as refused:
            task.execute(context())
        assert "geheim" not in str(refused.value)
        web.requests.clear()
        extra = {"root": str(tmp_path), "only_below_root": True}
        monkeypatch.setenv("AIRFLOW_CONN_ONLY", json.dumps({"conn_type": "savemasks", "extra": extra}))
        task = operator(sources={"$data_1": f"{web.root}/plain/x.tar?token=geheim99"}, project_conn_id="only")
        with pytest.raises(AirflowFailException, match="is not below the only root") as refused:
            task.execute(context())
        assert "geheim" not in str(refused.value)
        extra = {"root": f"{web.root}/plain", "only_below_root": True}
        monkeypatch.setenv("AIRFLOW_CONN_WEB", json.dumps({"conn_type": "savemasks", "extra": extra}))
        with pytest.raises(AirflowFailException, match="http:// can only be a source"):
            operator(sources={"$data_1": "x.tar.gz"}, project_conn_id="web").execute(context())
        with pytest.raises(AirflowFailException, match="http:// can only be a source"):
            operator(sources={"$data_1": str(tmp_path / "project")}, team_files_conn_id="web").execute(context())
        assert web.requests == []


def test_a_stop_ends_the_reading_of_a_stream(operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served() as web:
        task = operator(sources={"$data_1": f"{web.root}/silent/x.tar"})
        threading.Timer(0.5, task.on_kill).start()
        began = time.monotonic()
        with pytest.raises(SystemExit, match="^Stopped. Nothing was published"):
            task.execute(context())
        assert time.monotonic() - began < 3


def test_bad_items_fail_at_once_unless_they_are_to_be_retried(operator, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    project = make_project(tmp_path / "project")
    (project / "ds0/img/0001.png").write_bytes(b"x")
    for never in (False, "False", ""):
        with pytest.raises(AirflowFailException, match="0001.png"):
            operator(sources={"$data_1": str(project)}, retry_bad_items=never).execute(context())
    for again in (True, "true"):
        with pytest.raises(BadItemsError, match="0001.png"):
            operator(sources={"$data_1": str(project)}, retry_bad_items=again).execute(context())


def test_a_gate_that_is_missed_fails_at_once_unless_bad_items_are_to_be_retried(operator, tmp_path: Path) -> None:
    """A retry meets the same items, or mended ones."""
    from airflow.sdk.exceptions import AirflowFailException

    gated = {"sources": {"$data_1": str(make_project(tmp_path / "project"))}, "gates": {"min_items": 5}}
    with pytest.raises(AirflowFailException, match="min_items"):
        operator(**gated).execute(context())
    with pytest.raises(GateError, match="min_items"):
        operator(**gated, retry_bad_items=True).execute(context())


@pytest.mark.parametrize(
    ("error", "at_once"),
    [
        (SettingsError("a", "b", "c"), True),
        (ProjectError("a", "b", "c"), True),
        (AccessError("a", "b", "c"), True),
        (BadItemsError([ItemError("a", "b", "c")]), True),
        (StorageError("a", "b", "c"), False),
        (NotFound("a", "b", "c"), False),
        (Changed("a"), False),
        (ArchiveError("a", "b", "c"), False),
        (OSError("a"), False),
    ],
)
def test_one_table_says_what_fails_at_once(error: Exception, at_once: bool) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_savemasks.operators.outcome import outcome

    with pytest.raises(AirflowFailException if at_once else type(error)) as raised, outcome():
        raise error
    assert str(raised.value) == (error.told() if at_once else str(error))
    if at_once:
        assert str(raised.value).splitlines()[:2] == list(error.report()[:2])
        assert raised.value.__suppress_context__
        assert raised.value.__cause__ is None


def test_what_a_lazily_made_client_refuses_fails_at_once_too(operator, tmp_path: Path, monkeypatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    extra = {"root": "s3://bucket/out", "storage_conn_id": "no_such_connection"}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps({"conn_type": "savemasks", "extra": extra}))
    project = make_project(tmp_path / "project")
    with pytest.raises(AirflowFailException, match="'no_such_connection', which does not exist"):
        operator(team_files_conn_id="cloud", sources={"$data_1": str(project)}).execute(context())


def test_a_project_that_is_none_fails_at_once(operator, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="no meta.json"):
        operator(sources={"$data_1": str(tmp_path)}).execute(context())


def test_a_password_in_a_source_is_in_no_error_and_in_no_rendered_field(operator) -> None:
    from airflow.sdk.exceptions import AirflowFailException
    from airflow.sdk.log import redact

    uri = "sftp://ann:quite-a-secret@host/x"
    task = operator(sources={"$data_1": uri})
    task.render_template_fields({})
    assert "quite-a-secret" not in json.dumps(redact(task.sources))
    for one, xcoms in ((task, {}), (operator(), {"data_1": uri}), (operator(), {"data_1": [uri]})):
        with pytest.raises(AirflowFailException) as failed:
            one.execute(context(xcoms))
        assert "quite-a-secret" not in str(failed.value)


def test_a_graphs_projects_lie_below_the_root_of_the_project_connection(
    operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path / "projects/Fruits")
    extra = {"root": str(tmp_path / "projects")}
    monkeypatch.setenv("AIRFLOW_CONN_PROJECTS", json.dumps({"conn_type": "savemasks", "extra": extra}))
    settings = {"classes_mapping": "default", "tags_mapping": "default"}
    data = {"action": "data", "src": ["Fruits/*"], "dst": "$data_1", "settings": settings}
    assert exported(operator(layer=[data, LAYER], project_conn_id="projects").execute(context())) == 4
    assert exported(operator(sources={"$data_1": "Fruits"}, project_conn_id="projects").execute(context())) == 4


def test_layer_and_sources_are_templated_at_any_depth(operator) -> None:
    task = operator(layer={**LAYER, "dst": "export {{ ds }}"}, sources={"$data_1": "/data/{{ ds_nodash }}"})
    task.render_template_fields({"ds": "2026-01-02", "ds_nodash": "20260102"})
    assert task.layer["dst"] == "export 2026-01-02"
    assert task.sources == {"$data_1": "/data/20260102"}


def test_progress_is_told_to_the_task_state_store(operator, tmp_path: Path) -> None:
    store = Store()
    project = make_project(tmp_path / "project")
    operator(sources={"$data_1": str(project)}).execute(context(task_state_store=store))
    assert store["progress"][-1].startswith(f"{tmp_path}/out/export.tar: 4 items, ")


def test_the_event_of_an_asset_says_where_the_archive_is(operator, tmp_path: Path) -> None:
    from airflow.sdk import Asset

    project = make_project(tmp_path / "project")
    asset = Asset("masks")
    events = {asset: mock.Mock(extra={"mine": 1})}
    task = operator(sources={"$data_1": str(project)}, outlets=[asset])
    result = task.execute(context(outlet_events=events))
    same = ("archive", "manifest", "index", "manifest_sha256", "items", "classes", "class_count", "bytes", "unchanged")
    told = {name: result[name] for name in same} | {"rendered": 4, "reused": 0}
    assert events[asset].extra == {"mine": 1, **told}
    assert told["manifest_sha256"] == sha256(Path(result["manifest"]).read_bytes()).hexdigest()
    assert told["classes"] == {"leaf": 4, "box": 4}
    json.dumps(events[asset].extra)


def test_a_source_that_does_not_exist_is_not_retried(operator, tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    make_project(tmp_path / "empty", items=0)
    for place in (tmp_path / "nowhere", tmp_path / "nobody.tar", tmp_path / "nobody.zip", tmp_path / "empty"):
        with pytest.raises(AirflowFailException) as failed:
            operator(sources={"$data_1": str(place)}).execute(context())
        fact, fix, *_ = str(failed.value).splitlines()
        assert str(place) in fact
        assert fix


def test_a_storage_that_breaks_is_retried_and_its_error_is_the_only_one() -> None:
    from airflow_savemasks.operators.outcome import outcome

    with pytest.raises(StorageError) as raised, outcome():
        try:
            raise OSError("the cause")
        except OSError as error:
            raise StorageError("a", "b", "c") from error
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_stop_is_one_line_that_airflow_retries() -> None:
    from airflow_savemasks.operators.outcome import outcome

    with pytest.raises(SystemExit, match="^Stopped. Nothing was published; finished parts are kept"), outcome():
        raise Stopped("a")


def test_a_failing_store_does_not_fail_the_export(operator, tmp_path: Path) -> None:
    store = mock.Mock(set=mock.Mock(side_effect=OSError("database is locked")))
    project = make_project(tmp_path / "project")
    assert exported(operator(sources={"$data_1": str(project)}).execute(context(task_state_store=store))) == 4
    assert store.set.call_count == 1


def test_on_kill_stops_the_export_within_a_second(operator, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=2000)
    task = operator(sources={"$data_1": str(project)})
    killed: list[float] = []
    threading.Timer(0.3, lambda: (killed.append(time.monotonic()), task.on_kill())).start()
    with pytest.raises(SystemExit, match="^Stopped"):
        task.execute(context())
    assert time.monotonic() - killed[0] < 1
    assert not list((tmp_path / "out").glob("export*"))


def test_arguments_survive_the_serialization_of_a_dag(operator) -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("d", schedule=None) as dag:
        operator(sources={"$data_1": "/x"}, max_skipped=3, limits={"labels": 5}, retry_bad_items=True)
    data = DagSerialization.to_dict(dag)
    json.dumps(data)


WRONG = [  # option, its template, what the template is given, what the failed task says
    ("machine_png", "{{ it }}", 8, "machine_png: '8' is unknown"),
    ("unlisted", "{{ it }}", True, "unlisted: 'True' is unknown"),
    ("overlap", "{{ it }}", "Area", "overlap: 'Area' is unknown"),
    ("line_width", "{{ it }}", 3.0, "line_width: 3.0 is no whole number"),
    ("line_width", "{{ it }}", "9" * 5000, "line_width: '9999"),
    ("human", "{{ it }}", {"alpha": "0.5"}, "human.alpha: '0.5' is no number"),
    ("human", {"quality": "{{ it }}"}, 90, "human.quality: '90' is no whole number"),
    ("human", "{{ it }}", ["overlay"], "human: ['overlay'] is no JSON object"),
    ("instances", "{{ it }}", 1, "instances: '1' is unknown"),
    ("semantic", "{{ it }}", 1, "semantic: 1 is neither true nor false"),
    ("class_maps", "{{ it }}", "yes", "class_maps: 'yes' is neither"),
    ("pick", "{{ it }}", "kiwi", "pick: 'kiwi' is no JSON object"),
    ("pick", {"classes": "{{ it }}"}, ["kiwi"], "pick.classes: \"['kiwi']\" is no list of names"),
    ("pick", "{{ it }}", {"datasets": []}, "pick.datasets: [] is no list of names"),
    ("split", "{{ it }}", {"shares": {"a": "1"}}, "split.shares: '1' is no share of 'a'"),
    ("split", "{{ it }}", {"shares": {"a": float("nan")}}, "split: \"{'shares': {'a': nan}}\" is no JSON object"),
    ("split", '{"shares": {"a": {{ it }}}}', "NaN", "split.shares: nan is no share of 'a'"),
    ("split", "{{ it }}", [["a", 1]], "split: [['a', 1]] is no JSON object"),
    ("layout", "{{ it }}", "tar", "layout: 'tar' is unknown"),
    ("redact", "{{ it }}", 0, "redact: 0 is neither"),
]


@pytest.mark.parametrize(("name", "template", "it", "says"), WRONG)
def test_an_option_of_the_wrong_type_from_a_template_fails_at_once_and_publishes_nothing(
    operator, tmp_path: Path, name: str, template: Any, it: Any, says: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    task = operator(sources={"$data_1": str(make_project(tmp_path / "project"))}, **{name: template})
    task.render_template_fields({"it": it})
    with pytest.raises(AirflowFailException) as failed:
        task.execute(context())
    assert str(failed.value).startswith(says)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_objects_are_written_as_one_text_around_templates(operator, tmp_path: Path) -> None:
    """As the README says; a list may also be a template alone."""
    task = operator(
        sources={"$data_1": str(make_project(tmp_path / "project"))},
        human='{"alpha": {{ params.alpha }}, "layout": "overlay"}',
        pick="{{ {'classes': params.classes} }}",
        split="{{ params.split }}",
    )
    split = {"shares": [["b", 0.5], ["a", 0.5]]}
    task.render_template_fields({"params": {"alpha": 0.25, "classes": ["leaf"], "split": split}})
    manifest = json.loads(Path(task.execute(context())["manifest"]).read_text())
    assert manifest["settings"]["options"] == {
        "human": {"alpha": 0.25, "layout": "overlay"}, "pick": {"classes": ["leaf"]}, "split": split,
    }  # fmt: skip


def test_every_option_of_masks_has_a_wrong_type_above() -> None:
    from airflow_savemasks.engine.settings.mask_options import MaskOptions

    assert set(MaskOptions.model_fields) == {name for name, *_ in WRONG}
