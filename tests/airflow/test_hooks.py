"""The hooks: where archives may go, what a project may be, what the Test button says; passwords stay unseen."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SaveMasksError, SettingsError
from tests.engine.samples import make_project

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch):
    def add(name: str, **extra: Any) -> str:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": "savemasks", "extra": extra}))
        return name

    return add


@pytest.mark.parametrize(
    ("configured", "own", "here"),
    [
        ("LocalExecutor", None, True),
        ("SequentialExecutor", None, True),
        ("airflow.executors.local_executor.LocalExecutor", None, True),
        ("airflow.executors.debug_executor.DebugExecutor", None, True),
        ("mine:airflow.executors.local_executor.LocalExecutor", None, True),
        ("mine:LocalExecutor", None, True),
        ("LocalExecutor;red=mine:LocalExecutor", None, True),
        ("LocalExecutor;red=CeleryExecutor", None, False),
        ("CeleryExecutor", None, False),
        ("KubernetesExecutor", None, False),
        ("airflow.providers.edge3.executors.EdgeExecutor", None, False),
        ("company.executors.LocalExecutor", None, False),
        ("LocalExecutor:company.executors.Remote", None, False),
        ("LocalExecutor,CeleryExecutor", None, False),
        ("LocalExecutor, CeleryExecutor", "LocalExecutor", True),
        ("LocalExecutor,CeleryExecutor", "CeleryExecutor", False),
        ("CeleryExecutor,mine:airflow.executors.local_executor.LocalExecutor", "mine", True),
        ("CeleryExecutor,mine:airflow.executors.local_executor.LocalExecutor", "LocalExecutor", True),
        ("LocalExecutor", "nobody", False),
        ("", None, False),
    ],
)
def test_a_task_certainly_runs_here_only_on_local_executors(configured: str, own: str | None, here: bool) -> None:
    from airflow_savemasks.hooks.this_machine import runs_here

    assert runs_here(configured, own) is here


def test_without_a_connection_archives_go_to_a_folder_here_and_the_log_warns(airflow_home: Path) -> None:
    from structlog.testing import capture_logs

    from airflow_savemasks.hooks.team_files import TeamFilesHook

    hook = TeamFilesHook()
    with capture_logs() as told:
        assert hook.open().locate("") == str(airflow_home / "team_files")
    (line,) = [str(entry) for entry in told if entry["log_level"] == "warning"]
    assert str(airflow_home / "team_files") in line


@pytest.mark.parametrize("executor", ["CeleryExecutor", "LocalExecutor,KubernetesExecutor", "some.edge.EdgeExecutor"])
def test_where_tasks_run_elsewhere_a_connection_is_needed(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    with pytest.raises(SettingsError, match="tasks may run on other machines.*with a root that all workers reach"):
        TeamFilesHook().open()
    if "Local" in executor:
        assert TeamFilesHook(executor="LocalExecutor").open()


def test_a_connection_without_a_root_is_refused_and_a_misspelt_field_is_named(connect) -> None:
    from airflow_savemasks.hooks.project import ProjectHook
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    with pytest.raises(SettingsError, match="connection 'savemasks_team_files_default': has no root"):
        connect("savemasks_team_files_default", note="x")
        TeamFilesHook().open()
    for name in ("Root", "rooot", "ROOT", "extra__savemasks__root"):
        with pytest.raises(SettingsError, match="Did you mean 'root'"):
            TeamFilesHook(connect("team", **{name: "/data"})).open()
    with pytest.raises(SettingsError, match="Did you mean 'only_below_root'"):
        ProjectHook(connect("projects", root="/data", Only_Below_Root=True)).open("x")
    with pytest.raises(SettingsError, match="its root is a list"):
        TeamFilesHook(connect("team", root=["/data"])).open()


def test_a_link_out_of_team_files_is_not_followed(connect, tmp_path: Path) -> None:
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "team").mkdir()
    (tmp_path / "team/out").symlink_to(tmp_path / "elsewhere")
    team_files = TeamFilesHook(connect("team", root=str(tmp_path / "team"))).open()
    with pytest.raises(SaveMasksError, match="link"), team_files.writing("out/x") as out:
        out.write(b"x")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """`root` with the projects `lemons`, `a b` and `packed.zip`; `secret` beside it, and links to it."""
    for name in ("root/lemons", "root/a b", "secret"):
        make_project(tmp_path / name)
    for packed in (tmp_path / "root/packed.zip", tmp_path / "secret.zip"):
        with zipfile.ZipFile(packed, "w") as file:
            for path in sorted((tmp_path / "secret").rglob("*.*")):
                file.write(path, path.relative_to(tmp_path / "secret"))
    (tmp_path / "root/link").symlink_to(tmp_path / "secret")
    (tmp_path / "root/link.zip").symlink_to(tmp_path / "secret.zip")
    (tmp_path / "root/half").mkdir()
    (tmp_path / "root/half/meta.json").symlink_to(tmp_path / "secret/meta.json")
    return tmp_path


@pytest.mark.parametrize("only", [True, "true", "True"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_below_the_root_everything_can_be_read(connect, places: Path, scheme: str, only: Any) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    root = f"{scheme}{places}/root"
    hook = ProjectHook(connect("projects", root=root, only_below_root=only))
    spaced = f"{root}/a%20b" if scheme else f"{root}/a b"
    for source in ("lemons", "lemons/", "a b", f"{root}/lemons", spaced, "packed.zip", f"{root}/packed.zip"):
        assert hook.open(source).meta()["classes"], source


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(
    "source",
    [
        "{places}/secret",
        "file://{places}/secret",
        "~/secret",
        "../secret",
        "lemons/../../secret",
        "./lemons",
        "lemons//ds0",
        "{root}/../secret",
        "{root}//{places}/secret",
        "{root}/%2e%2e/secret",
        "{root}/..%2fsecret",
        "{root}/%252e%252e/secret",
        "{root}/lemons?x=../../secret",
        "{root}-other/lemons",
        "file:{places}/secret",
        "FILE://{places}/secret",
        "s3://bucket/lemons",
        "supervisely://ws/lemons",
        "link",
        "link.zip",
        "half",
        "lem\nons",
        "..\\secret",
        "",
    ],
)
def test_nothing_else_is_read_through_a_connection_that_says_only_below_root(
    connect, places: Path, scheme: str, source: str
) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    root = f"{scheme}{places}/root"
    hook = ProjectHook(connect("projects", root=root, only_below_root=True))
    with pytest.raises(SaveMasksError):
        hook.open(source.format(places=places, root=root)).meta()


ELSEWHERE, ODD = "is not below the only root that this connection allows", "is no plain path"
HIDDEN = "hides characters of a path behind %"


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("/data/secret", ELSEWHERE),
        ("~/secret", ELSEWHERE),
        ("s3://bucket/lemons", ELSEWHERE),
        ("file:/data/root/lemons", ELSEWHERE),
        ("FILE:lemons", ELSEWHERE),
        ("file:///data/root", ELSEWHERE),
        ("file:///data/root-other/lemons", ELSEWHERE),
        ("file:///data/root/lemons?x", "has a query or a fragment"),
        ("file:///data/root/lemons#x", "has a query or a fragment"),
        ("file:///data/root/lemons%2fds0", HIDDEN),
        ("file:///data/root/%252e%252e", HIDDEN),
        ("file:///data/root/%2e%2e/secret", ODD),
        ("file:///data/root//lemons", ODD),
        ("lemons/../../secret", ODD),
        ("lemons/.", ODD),
        ("lemons//", ODD),
        ("lem\\ons", ODD),
        ("lem\x7fons", ODD),
        ("", ODD),
    ],
)
def test_what_is_not_plainly_below_the_root_is_refused_before_it_is_looked_for(source: str, fact: str) -> None:
    from airflow_savemasks.hooks.below_root import path_below

    for root in ("file:///data/root", "file:///data/root/"):
        with pytest.raises(SettingsError) as refused:
            path_below(root, source, "projects")
        assert refused.value.problem.startswith(fact)
        assert refused.value.fix == "Name a project below the root of the connection 'projects', such as 'lemons'"


@pytest.mark.parametrize(
    ("source", "path"),
    [("lemons", "lemons"), ("a b/", "a b"), ("a%20b", "a%20b"), ("file:///data/root/a%20b/", "a b")],
)
def test_only_the_uri_of_a_file_has_its_path_behind_percents(source: str, path: str) -> None:
    from airflow_savemasks.hooks.below_root import path_below

    assert path_below("file:///data/root", source, "projects") == path


def test_without_a_root_or_with_a_word_that_is_neither_only_below_root_refuses_everything(connect) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    with pytest.raises(SettingsError, match="has no root"):
        ProjectHook(connect("projects", only_below_root=True)).open("/x")
    with pytest.raises(SettingsError, match="'yes' is neither true nor false"):
        ProjectHook(connect("projects", root="/data", only_below_root="yes")).open("/x")


def test_the_test_button_makes_nothing_and_says_what_is_there(connect, tmp_path: Path) -> None:
    from airflow_savemasks.hooks.storage import StorageHook
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    hook = TeamFilesHook(connect("team", root=str(tmp_path / "out")))
    ok, text = hook.test_connection()
    assert not ok
    assert "does not exist on this machine" in text
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.tar").write_bytes(b"x")
    before = (tmp_path / "out").stat().st_mtime_ns
    may = "list: yes (0 folders, 1 files); read: yes, by ranges; write: yes; write on a condition: yes"
    assert hook.test_connection() == (True, f"{tmp_path}/out: {may}")
    assert (tmp_path / "out").stat().st_mtime_ns == before
    ok, text = StorageHook(connect("file", root=f"{tmp_path}/out/a.tar")).test_connection()
    assert not ok
    assert "is no folder" in text
    assert StorageHook(connect("none")).test_connection()[0] is False
    assert StorageHook(connect("wrong", Root="/x")).test_connection()[0] is False


def test_a_root_that_is_not_absolute_is_refused(connect) -> None:
    from airflow_savemasks.hooks.team_files import TeamFilesHook

    with pytest.raises(SettingsError, match="its root 'data' is not absolute. Write /a/path, or a URI"):
        TeamFilesHook(connect("team", root=" data ")).open()


def test_the_test_button_answers_in_time_and_in_the_words_of_the_error() -> None:
    import time

    from airflow_savemasks.hooks.testing import SECONDS, within

    def refused() -> tuple[bool, str]:
        raise SettingsError("here", "is wrong", "Mend it")

    assert SECONDS < 10
    assert within(refused) == (False, "here: is wrong\nMend it")
    assert within(lambda: (True, "fine")) == (True, "fine")
    began = time.monotonic()
    works, text = within(lambda: (time.sleep(5), (True, ""))[1], 0.2)
    assert not works
    assert text.startswith("no answer within")
    assert time.monotonic() - began < 2


def test_the_root_is_the_host_which_comes_first_in_the_form_and_stands_in_the_list() -> None:
    from airflow_savemasks.provider import PROVIDER_INFO, STORAGE_FIELDS

    (form,) = [kind for kind in PROVIDER_INFO["connection-types"] if kind["connection-type"] == "savemasks"]
    behaviour = form["ui-field-behaviour"]
    assert "host" not in behaviour["hidden-fields"]
    assert behaviour["relabeling"]["host"].startswith("Root (needed)")
    for scheme in ("/data", "s3://", "gs://", "azure://", "sftp://", "supervisely://"):
        assert scheme in behaviour["placeholders"]["host"]
        assert scheme == "/data" or scheme in STORAGE_FIELDS["storage_conn_id"]["description"]
    assert next(iter(form["conn-fields"])) == "storage_conn_id"


@pytest.mark.parametrize(
    "written",
    [
        '{"conn_type": "savemasks", "host": "/data/masks"}',
        '{"conn_type": "savemasks", "extra": {"root": "/data/masks"}}',
        '{"conn_type": "savemasks", "host": "/data/masks", "extra": {"root": "/data/masks"}}',
        '{"conn_type": "savemasks", "host": "/data/masks", "extra": {"root": ""}}',
        "savemasks://%2Fdata%2Fmasks",
    ],
)
def test_a_root_is_the_host_or_stands_among_the_extras(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    monkeypatch.setenv("AIRFLOW_CONN_PLACE", written)
    assert ProjectHook("place").root == "/data/masks"


def test_only_the_default_connection_may_be_missing_and_none_may_be_of_another_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    assert ProjectHook().root is None
    with pytest.raises(SettingsError, match="connection 'nobody': does not exist. Add it, of type 'savemasks'"):
        _ = ProjectHook("nobody").root
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", '{"conn_type": "aws", "host": "/data"}')
    with pytest.raises(SettingsError, match="connection 'cloud': is of type 'aws'. Use one of type 'savemasks'"):
        _ = ProjectHook("cloud").root


def test_credentials_and_options_are_for_the_scheme_of_the_root_alone(connect) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    options = {"ServerSideEncryption": "aws:kms"}
    hook = ProjectHook(connect("p", root="s3://bucket", storage_conn_id="mine", object_options=options))
    for uri, conn_id, given in (
        ("s3://another/x", "mine", options),
        ("gs://bucket/x", "google_cloud_default", {}),
        ("sftp://host/x", "sftp_default", {}),
    ):
        client = hook.again(uri)._client
        assert (client.conn_id, client.options) == (conn_id, given), uri
    assert hook.again("/data/x") is None


def test_object_options_nested_too_deep_are_refused_by_the_name_of_their_connection(connect) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    with pytest.raises(SettingsError, match="its object_options are no JSON"):
        _ = ProjectHook(connect("p", root="s3://bucket", object_options="[" * 100_000)).object_options


def test_what_lies_below_the_home_folder_is_not_looked_for_below_the_root(
    connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    make_project(tmp_path / "home/lemons")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ProjectHook(connect("p", root=str(tmp_path))).open("~/lemons").meta()["classes"]


def test_a_folder_may_be_called_like_a_packed_project(connect, tmp_path: Path) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    make_project(tmp_path / "lemons.zip")
    assert ProjectHook(connect("p", root=str(tmp_path), only_below_root=True)).open("lemons.zip").meta()["classes"]


def test_folders_with_a_meta_json_and_packed_projects_are_suggested(connect, tmp_path: Path) -> None:
    from airflow_savemasks.hooks.suggestions import projects_below

    make_project(tmp_path / "lemons")
    (tmp_path / "notes").mkdir()
    for name in ("b.zip", "a.TAR", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    for root in (str(tmp_path), f"file://{tmp_path}"):
        assert projects_below(connect("p", root=root)) == ["a.TAR", "b.zip", "lemons"]
    assert projects_below("p", 2) == ["a.TAR", "b.zip"]
    for root in ("s3://bucket", str(tmp_path / "nowhere")):
        assert projects_below(connect("p", root=root)) == []
    assert projects_below("nobody") == []


def test_the_test_button_reads_of_a_file_that_has_something_in_it(tmp_path: Path) -> None:
    from airflow_savemasks.engine.storage.folder import FolderStorage
    from airflow_savemasks.hooks.testing import of_storage

    def told(is_file: bool) -> tuple[bool, str]:
        return of_storage(FolderStorage(tmp_path), local=True, is_file=lambda: is_file)

    assert told(True) == (False, f"{tmp_path} is no folder, but a file\nWrite the folder that it lies in")
    (tmp_path / "folder").mkdir()
    assert "list: yes (1 folders, 0 files); read: not known, as there is no file" in told(True)[1]
    (tmp_path / "a").touch()
    assert "list: yes (1 folders, 1 files); read: not known, as there is no file" in told(True)[1]
    (tmp_path / "b").write_bytes(b"xy")
    assert "list: yes (1 folders, 2 files); read: yes, by ranges" in told(True)[1]


def test_a_root_in_a_uri_keeps_what_follows_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    monkeypatch.setenv("AIRFLOW_CONN_PLACE", "savemasks://s3://bucket/masks?storage_conn_id=aws")
    hook = ProjectHook("place")
    assert (hook.root, hook.fields()["storage_conn_id"]) == ("s3://bucket/masks", "aws")


def test_two_different_roots_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.hooks.project import ProjectHook

    two = '{"conn_type": "savemasks", "host": "/data/a", "extra": {"root": "/data/b"}}'
    monkeypatch.setenv("AIRFLOW_CONN_PLACE", two)
    with pytest.raises(SettingsError, match="has two roots, '/data/a' as its host and '/data/b' among its extras"):
        _ = ProjectHook("place").root


@pytest.mark.parametrize(
    ("uri", "seen"),
    [
        ("sftp://ann:geheim99@host/x", "sftp://ann:***@host/x"),
        ("s3://KEY:sec/ret99@bucket/x", "s3://KEY:***@bucket/x"),
        ("https://ann:geheim99@host/x.zip", "https://host/x.zip"),
        ("http://ann:geheim99@host:80/x.zip?token=99", "http://host:80/x.zip"),
        ("sftp://ann@host:22/x", "sftp://ann@host:22/x"),
        ("sftp://host:22/a:b@c", "sftp://host:22/a:b@c"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
        ("/data/a:b@c", "/data/a:b@c"),
    ],
)
def test_a_password_in_a_uri_is_refused_without_being_repeated(uri: str, seen: str) -> None:
    from airflow_savemasks.hooks.project import ProjectHook
    from airflow_savemasks.hooks.secrets import without_password

    assert without_password(uri) == seen
    if seen != uri:
        with pytest.raises(SettingsError, match="there is a password in the URI") as refused:
            ProjectHook().open(uri)
        assert seen in str(refused.value)
        assert "99" not in str(refused.value)


@pytest.mark.parametrize("only_below_root", [False, True])
def test_a_folder_is_opened_in_another_process_without_airflow_and_a_packed_project_is_not(
    tmp_path: Path, connect: Any, only_below_root: bool
) -> None:
    import pickle

    from airflow_savemasks.hooks.project import ProjectHook

    project = make_project(tmp_path / "lemons")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        for file in project.rglob("*.*"):
            packed.write(file, file.relative_to(project))
    hook = ProjectHook(connect("here", root=str(tmp_path), only_below_root=only_below_root))
    again = hook.open("lemons").again
    assert again is not None
    assert pickle.loads(pickle.dumps(again))().uri == str(project)
    assert b"hooks" not in pickle.dumps(again)
    assert hook.open("packed.zip").again is None
