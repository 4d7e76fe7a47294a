"""What pages need: an Airflow home, servers on loopback, sample projects."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, path_with_our_commands
from tests.engine.samples import make_project
from tests.standin.server import TOKEN, StandIn
from tests.storages import places, servers


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with a migrated database, which is copied for each page."""
    home = tmp_path_factory.mktemp("airflow")
    env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a page's story happens: a project, a layer, the samples of the checkout."""
    place = tmp_path / "page"
    make_project(place / "lemons", items=6)
    (place / "layer.json").write_text(json.dumps(LAYER))
    shutil.copytree(ROOT / "dags" / "sample", place / "dags" / "sample")
    return place


LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "lemons",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"leaf": [100, 100, 100], "box": [200, 200, 200]},
        "gt_human_color": {"leaf": [0, 255, 0], "box": [255, 0, 0]},
    },
}


@pytest.fixture
def env(folder: Path, migrated: Path) -> dict[str, str]:
    """Of the page's commands: those of this environment first on PATH, an Airflow home of its own."""
    home = folder / "airflow"
    shutil.copytree(migrated, home)
    (home / "airflow.cfg").unlink(missing_ok=True)  # it names the home that was copied
    return {
        "PATH": path_with_our_commands(),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def s3(folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An S3 with a bucket `data` and the project in it."""
    with servers.s3_server(tmp_path) as address:
        client = places.s3_client(address)
        client.create_bucket(Bucket="data")
        for path in files_of(folder / "lemons"):
            client.put_object(Bucket="data", Key=f"projects/{path.relative_to(folder)}", Body=path.read_bytes())
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        connection = {
            "conn_type": "aws",
            "login": "test",
            "password": "test",
            "extra": {"endpoint_url": address, "region_name": "us-east-1"},
        }
        yield {**keys, "AWS_ENDPOINT_URL": address, "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection)}


@pytest.fixture
def azure(folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Azurite with a container `data` and the project in it."""
    with servers.azure_server(tmp_path) as words:
        container = places.azure_client(words).create_container("data")
        for path in files_of(folder / "lemons"):
            container.upload_blob(f"projects/{path.relative_to(folder)}", path.read_bytes())
        connection = {"conn_type": "wasb", "extra": {"connection_string": words}}
        yield {"AZURE_STORAGE_CONNECTION_STRING": words, "AIRFLOW_CONN_WASB_DEFAULT": json.dumps(connection)}


@pytest.fixture
def gcs(folder: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An emulator of Google's storage with a bucket `data` and the project in it."""
    with servers.gcs_server(tmp_path) as address:
        bucket = places.gcs_client(address).create_bucket("data")
        for path in files_of(folder / "lemons"):
            bucket.blob(f"projects/{path.relative_to(folder)}").upload_from_string(path.read_bytes())
        connection = {"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": "savemasks"}}
        yield {"STORAGE_EMULATOR_HOST": address, "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(connection)}


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[dict[str, str]]:
    """sshd, and where its root is."""
    keys = tmp_path / "keys"
    keys.mkdir()
    with servers.sftp_server(keys) as port:
        ssh = tmp_path / "page" / ".ssh"
        ssh.mkdir(mode=0o700, parents=True)
        shutil.copy(keys / "user_key", ssh / "id_ed25519")
        (ssh / "id_ed25519").chmod(0o600)
        host = (keys / "host_key.pub").read_text().split()
        (ssh / "known_hosts").write_text(f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
        yield {"SFTP_ROOT": f"sftp://{getpass.getuser()}@127.0.0.1:{port}{tmp_path}/sftp"}


@pytest.fixture
def web(folder: Path) -> Iterator[dict[str, str]]:
    """A web server that gives out the page's folder."""
    port = servers.free_port()
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with servers.running(words, port, folder / ".web.log"):
        yield {"WEB": f"http://127.0.0.1:{port}"}


@pytest.fixture
def instance(folder: Path) -> Iterator[dict[str, str]]:
    """The stand-in of an instance, with the project in its workspace `ws`."""
    server = StandIn(TOKEN)
    server.instance.add_project(folder / "lemons", "ws")
    for image in server.instance.images:
        server.instance.set_updated_at(image, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    with server:
        yield {"SERVER_ADDRESS": server.address, "API_TOKEN": TOKEN, "TEAM": str(server.instance.team.id)}


def files_of(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("*")) if path.is_file()]
