"""Storages through Airflow connections: the hooks of the teams' own providers make the clients."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import AccessError, SettingsError, StorageError
from airflow_savemasks.hooks.testing import WRITING
from tests.storages import places
from tests.storages.places import Place
from tests.storages.proxy import faulty
from tests.storages.test_contract import put

pytestmark = pytest.mark.usefixtures("airflow_home")


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def add(name: str, **fields: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))

    return add


@pytest.fixture
def credentials(
    connect: Callable[..., None], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Kind -> adds the connection `storage` of the provider's own type."""

    def add(kind: str) -> None:
        get = request.getfixturevalue
        if kind == "s3":
            extra = {"endpoint_url": get("s3_address"), "region_name": "us-east-1"}
            connect("storage", conn_type="aws", login="test", password="test", extra=extra)
        elif kind == "azure":
            connect("storage", conn_type="wasb", extra={"connection_string": get("azure_words")})
        elif kind == "gs":
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", get("gcs_address"))
            connect("storage", conn_type="google_cloud_platform", extra={"is_anonymous": True, "project": "test"})
        else:
            keys, port = get("sshd")
            host_key = (keys / "host_key.pub").read_text().split()[1]
            extra = {"key_file": str(keys / "user_key"), "host_key": f"ssh-ed25519 {host_key}"}
            connect("storage", conn_type="sftp", host="127.0.0.1", port=port, login=getpass.getuser(), extra=extra)

    return add


@pytest.mark.parametrize("kind", ["s3", "gs", "azure", "sftp"])
def test_roots_of_projects_and_team_files_on_a_storage(
    kind: str,
    make_place: Callable[[str], Place],
    credentials: Callable[[str], None],
    connect: Callable[..., None],
    tmp_path: Path,
) -> None:
    from airflow_savemasks.hooks.project import ProjectHook
    from airflow_savemasks.hooks.team_files import TeamFilesHook
    from airflow_savemasks.operators.save_masks import SaveMasksOperator
    from tests.airflow.test_operator import context
    from tests.engine.samples import LAYER, make_project, run
    from tests.storages.test_archive import make_zip

    place = make_place(kind)
    credentials(kind)
    for name in ("projects", "team"):
        extra = {"root": f"{place.root}/{name}", "storage_conn_id": "storage"}
        connect(name, conn_type="savemasks", extra=extra)
    project = make_project(tmp_path / "project")
    there = place.open("projects")
    for file in project.rglob("*.*"):
        put(there, f"lemons/{file.relative_to(project)}", file.read_bytes())
    put(there, "packed.zip", make_zip(project, tmp_path / "packed.zip").read_bytes())
    expected = run(project, tmp_path / "here")
    for source in ("lemons", "packed.zip"):
        task = SaveMasksOperator(
            task_id="save_masks",
            layer={**LAYER, "dst": source},
            sources={"$data_1": source},
            project_conn_id="projects",
            team_files_conn_id="team",
        )
        assert task.execute(context())["bytes"] == expected["bytes"]
        assert place.open("team").read(f"{source}.tar") == (tmp_path / "here/export.tar").read_bytes()
    working, words = TeamFilesHook("team").test_connection()
    assert working, words
    assert "list: yes (0 folders, 6 files); read: yes, by ranges; write" in words
    assert WRITING[{"gs": True, "azure": True}.get(kind)] in words
    assert not [name for name in place.open("team").listdir("").files if "may-this" in name]
    assert ProjectHook("projects").open("lemons").uri == f"{place.root}/projects/lemons"


def test_worker_processes_open_a_bucket_by_the_same_connection(
    s3_address: str,
    connect: Callable[..., None],
    make_place: Callable[[str], Place],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are given the connection, as they have nobody to ask for it: its variable is gone before they start."""
    import subprocess
    import threading

    from airflow_savemasks.engine.export import export
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.engine.settings.options import Options
    from airflow_savemasks.engine.storage.folder import FolderStorage
    from airflow_savemasks.engine.work import ways
    from airflow_savemasks.hooks.project import ProjectHook
    from tests.engine.samples import LAYER, make_project, run

    place = make_place("s3")
    connect("secret", conn_type="aws", login="test", password="hidden", extra={"endpoint_url": s3_address})
    connect("projects", conn_type="savemasks", extra={"root": place.root, "storage_conn_id": "secret"})
    project = make_project(tmp_path / "project", items=40)
    there = place.open("")
    for file in project.rglob("*.*"):
        put(there, f"lemons/{file.relative_to(project)}", file.read_bytes())
    expected = run(project, tmp_path / "here")
    started: list[str] = []
    popen = subprocess.Popen

    def without_connection(words: list[str], **more: Any) -> Any:
        started.append(" ".join(words))
        left = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_CONN", "AWS_"))}
        return popen(words, env=left, **more)

    monkeypatch.setattr(subprocess, "Popen", without_connection)
    monkeypatch.setattr(ways, "processes_for", lambda *_: 2)
    layer = parse_layer(LAYER)
    job = open_job(layer, {"$data_1": ProjectHook("projects").open("lemons")}, Options())
    result = export(job, FolderStorage(tmp_path / "out"), threading.Event(), Progress())
    assert len(started) == 2, caplog.text
    assert not any("hidden" in words for words in started), "whoever lists processes sees it"
    assert result["items"]["rendered"] == 40
    assert (tmp_path / "out/export.tar").read_bytes() == Path(expected["archive"]).read_bytes()
    assert "threads render instead" not in caplog.text


def test_an_access_error_names_the_connection(
    s3_address: str, connect: Callable[..., None], make_place: Callable[[str], Place]
) -> None:
    from airflow_savemasks.engine.storage.opening import open_storage
    from airflow_savemasks.hooks.clients import client_factory

    place = make_place("s3")
    with faulty(s3_address) as (address, faults):
        connect("mine", conn_type="aws", login="test", password="test", extra={"endpoint_url": address})
        storage = open_storage(place.root, client_factory(place.root, "mine"))
        assert storage.listdir("").files == {}
        faults.always = {"PutObject": "403"}
        with pytest.raises(AccessError, match=r"AccessDenied.*Look at the Airflow connection 'mine'"):
            put(storage, "x", b"1")
        assert faults.seen["PutObject"] == 1


def test_a_missing_connection_and_a_wrong_account_key(
    connect: Callable[..., None], azure_words: str, make_place: Callable[[str], Place]
) -> None:
    from airflow_savemasks.engine.storage.opening import open_storage
    from airflow_savemasks.hooks.clients import client_factory

    root = make_place("azure").root
    with pytest.raises(SettingsError, match="needs the connection 'nobody', which does not exist"):
        open_storage(root, client_factory(root, "nobody")).listdir("")
    connect("wrong", conn_type="wasb", extra={"connection_string": azure_words.replace("Eby8", "AAAA")})
    with pytest.raises(AccessError, match="Look at the Airflow connection 'wrong'"):
        open_storage(root, client_factory(root, "wrong")).listdir("")
    missing = "azure://nobody/x"
    with pytest.raises(StorageError, match="the container does not exist"):
        open_storage(missing, lambda: places.azure_client(azure_words)).listdir("")


def test_a_password_goes_to_no_other_host(connect: Callable[..., None]) -> None:
    from airflow_savemasks.engine.storage.opening import open_storage
    from airflow_savemasks.hooks.clients import client_factory

    connect("host", conn_type="sftp", host="files.example", login="x", password="x")
    for uri in ("sftp://other.example/x", "sftp://files.example:2222/x"):
        with pytest.raises(SettingsError, match="is for the host files.example:22"):
            open_storage(uri, client_factory(uri, "host")).listdir("")
