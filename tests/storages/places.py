"""A place to test a storage in: where it is, how its client is made, and what lies there behind the storage's back."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from airflow_savemasks.engine.storage.base import ClientFactory, Storage
from airflow_savemasks.engine.storage.opening import open_storage

BUCKET = "savemasks"


@dataclass(frozen=True)
class Place:
    """root: a URI, nothing lies there; client: the plain library's client; traces: what unfinished writers left."""

    root: str
    client: ClientFactory | None
    traces: Callable[[], list[str]]

    def open(self, below: str = "") -> Storage:
        return open_storage(f"{self.root}/{below}" if below else self.root, self.client)


def folder_place(folder: Path) -> Place:
    return Place(str(folder), None, lambda: [path.name for path in folder.rglob("*.tmp")])


@dataclass(frozen=True)
class Factory:
    """A client's factory with what a bucket's policy asks of each request."""

    make: Callable[[], Any]
    options: dict[str, Any]

    def __call__(self) -> Any:
        return self.make()


@cache
def s3_client(address: str, attempts: int = 1) -> Any:
    """attempts: of each request by boto3 itself; 1 leaves trying again to us. Made once, as that takes its time."""
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": attempts}, max_pool_connections=32, read_timeout=20)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=address, config=config, **keys)


def s3_place(address: str, server: str | None = None, attempts: int = 1) -> Place:
    """server: the address behind a proxy, for looking what is there."""
    prefix = uuid4().hex
    direct = s3_client(server or address)

    def traces() -> list[str]:
        found = direct.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", ())
        return [upload["Key"] for upload in found]

    return Place(f"s3://{BUCKET}/{prefix}", lambda: s3_client(address, attempts), traces)


def gcs_client(address: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    return storage.Client("test", AnonymousCredentials(), client_options={"api_endpoint": address})


def gcs_place(address: str) -> Place:
    return Place(f"gs://{BUCKET}/{uuid4().hex}", lambda: gcs_client(address), list)


def azure_client(words: str) -> Any:
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient.from_connection_string(words)


def azure_place(words: str) -> Place:
    return Place(f"azure://{BUCKET}/{uuid4().hex}", lambda: azure_client(words), list)


def sftp_client(folder: Path, port: int, key: str = "user_key") -> Any:
    import paramiko

    ssh = paramiko.SSHClient()
    host_key = paramiko.Ed25519Key.from_private_key_file(str(folder / "host_key"))
    ssh.get_host_keys().add(f"[127.0.0.1]:{port}", host_key.get_name(), host_key)
    names = {"key_filename": str(folder / key), "allow_agent": False, "look_for_keys": False}
    ssh.connect("127.0.0.1", port, getpass.getuser(), **names)
    client = ssh.open_sftp()
    client.ssh = ssh
    return client


def sftp_place(keys: Path, port: int, folder: Path) -> Place:
    left = folder_place(folder)
    return Place(f"sftp://127.0.0.1:{port}{folder}", lambda: sftp_client(keys, port), left.traces)
