"""One server of each kind for the session; a fresh place in it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.storage import block_writer, retries
from tests.airflow.conftest import airflow_home  # noqa: F401 - sets the Airflow home before anything imports Airflow
from tests.storages import places, servers
from tests.storages.places import Place

KINDS = ["folder", "s3", "gs", "azure", "sftp"]
BLOCK = 5 << 20  # the least that S3 takes


@pytest.fixture(autouse=True)
def _small_and_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that little data makes several, and hardly a pause between two tries."""
    monkeypatch.setattr(block_writer, "BLOCK", BLOCK)
    monkeypatch.setattr(retries, "PAUSE", 0.01)


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.s3_server(tmp_path_factory.mktemp("s3")) as address:
        places.s3_client(address).create_bucket(Bucket=places.BUCKET)
        yield address


@pytest.fixture(scope="session")
def gcs_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.gcs_server(tmp_path_factory.mktemp("gcs")) as address:
        places.gcs_client(address).create_bucket(places.BUCKET)
        yield address


@pytest.fixture(scope="session")
def azure_words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.azure_server(tmp_path_factory.mktemp("azure")) as words:
        places.azure_client(words).create_container(places.BUCKET)
        yield words


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder with the keys, and the port."""
    folder = tmp_path_factory.mktemp("sshd")
    with servers.sftp_server(folder) as port:
        yield folder, port


@pytest.fixture
def make_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """Kind -> a fresh place; starts the server when it is first needed, or skips."""

    def make(kind: str) -> Place:
        get: Callable[[str], Any] = request.getfixturevalue
        if kind == "folder":
            return places.folder_place(tmp_path / "root")
        if kind == "sftp":
            return places.sftp_place(*get("sshd"), tmp_path / "root")
        makers = {"s3": places.s3_place, "gs": places.gcs_place, "azure": places.azure_place}
        return makers[kind](get({"s3": "s3_address", "gs": "gcs_address", "azure": "azure_words"}[kind]))

    return make


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, make_place: Callable[[str], Place]) -> Place:
    return make_place(request.param)
