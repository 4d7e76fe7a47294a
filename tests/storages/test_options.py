"""What a bucket's policy asks of each request reaches every kind of request, and the files have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.base import Range, Storage
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.hooks.team_files import TeamFilesHook
from tests.storages import places
from tests.storages.places import Factory
from tests.storages.proxy import Faults, faulty
from tests.storages.test_contract import NOISE, put

POLICY = {
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "the-key",
    "BucketKeyEnabled": True,
    "ACL": "bucket-owner-full-control",
    "StorageClass": "STANDARD_IA",
    "Tagging": "team=masks",
    "ContentType": "application/x-tar",
    "RequestPayer": "requester",
    "Metadata": {"team": "masks"},
}
ON_NEW_FILES = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "the-key",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
    "x-amz-acl": "bucket-owner-full-control",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-tagging": "team=masks",
    "x-amz-meta-team": "masks",
    "content-type": "application/x-tar",
    "x-amz-request-payer": "requester",
}
OTHERS = """UploadPart UploadPartCopy CompleteMultipartUpload AbortMultipartUpload GetObject HeadObject ListObjectsV2
DeleteObjects DeleteObject"""
KINDS = {
    "PutObject": ON_NEW_FILES,
    "CreateMultipartUpload": ON_NEW_FILES,
    **{kind: {"x-amz-request-payer": "requester"} for kind in OTHERS.split()},
}


@pytest.fixture
def proxy(s3_address: str) -> Iterator[tuple[str, Faults]]:
    with faulty(s3_address) as address_and_faults:
        yield address_and_faults


def everything_once(storage: Storage) -> None:
    """Each kind of request that an export sends."""
    put(storage, "small", b"x" * 100)
    put(storage, "big", NOISE)
    storage.compose("x", [Range("big", 0, len(NOISE), storage.stat("big")), Range("small", 3, 5)])
    with pytest.raises(KeyError), storage.writing("never") as out:
        out.write(NOISE)
        raise KeyError
    storage.listdir("")
    put(storage, "smaller", b"x")
    storage.delete(["small", "smaller"])
    put(storage, "smallest", b"x")
    storage.delete(["smallest"])


def wanting(headers: dict[str, str], seen: dict[str, str]) -> dict[str, str | None]:
    return {name: seen.get(name) for name, text in headers.items() if seen.get(name) != text}


def test_the_policy_of_a_bucket_reaches_every_request(s3_address: str, proxy: tuple[str, Faults]) -> None:
    address, faults = proxy
    place = places.s3_place(address, s3_address)
    everything_once(open_storage(place.root, Factory(lambda: places.s3_client(address), POLICY)))
    assert set(KINDS) <= set(faults.seen)
    for kind, seen in faults.heads:
        assert wanting(KINDS.get(kind, {}), seen) == {}, kind
    client, bucket = places.s3_client(s3_address), places.BUCKET
    for name in ("x", "big"):
        key = f"{place.root.rpartition('/')[2]}/{name}"
        found = client.head_object(Bucket=bucket, Key=key)
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "the-key")
        assert (found["StorageClass"], found["ContentType"]) == ("STANDARD_IA", "application/x-tar")
        assert client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == [{"Key": "team", "Value": "masks"}]


def test_a_key_of_the_customers_own_is_sent_wherever_it_is_needed(s3_address: str, proxy: tuple[str, Faults]) -> None:
    address, faults = proxy
    place = places.s3_place(address, s3_address)
    options = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    everything_once(open_storage(place.root, Factory(lambda: places.s3_client(address), options)))
    own, source = "x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key"
    kinds = {kind for kind, seen in faults.heads if own in seen and f"{own}-md5" in seen}
    assert {"PutObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "GetObject", "HeadObject"} <= kinds
    assert all(source in seen for kind, seen in faults.heads if kind == "UploadPartCopy")


def test_an_option_that_no_request_has_is_refused(s3_address: str, gcs_address: str, azure_words: str) -> None:
    for make, root, wrong, right in (
        (
            lambda: places.s3_client(s3_address),
            f"s3://{places.BUCKET}/x",
            "ServerSideEncription",
            "ServerSideEncryption",
        ),
        (lambda: places.gcs_client(gcs_address), f"gs://{places.BUCKET}/x", "kms_key", "kms_key_name"),
        (lambda: places.azure_client(azure_words), f"azure://{places.BUCKET}/x", "tag", "tags"),
    ):
        storage = open_storage(root, Factory(make, {wrong: "x"}))
        with pytest.raises(SettingsError, match=f"{wrong}.*Did you mean '{right}'"):
            put(storage, "x", b"1")


@pytest.mark.usefixtures("airflow_home")
def test_options_come_from_both_connections(
    proxy: tuple[str, Faults], s3_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, faults = proxy
    place = places.s3_place(address, s3_address)

    def connect(name: str, **fields: Any) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))

    ours = {"root": place.root, "storage_conn_id": "cloud"}
    of_aws = {"ServerSideEncryption": "aws:kms", "StorageClass": "GLACIER_IR"}
    service = {"s3": {"extra_args": of_aws}}
    extra = {"endpoint_url": address, "region_name": "us-east-1", "service_config": service}
    connect("cloud", conn_type="aws", login="test", password="test", extra=extra)
    for given in ({"StorageClass": "STANDARD_IA"}, '{"StorageClass": "STANDARD_IA"}'):
        connect("team", conn_type="savemasks", extra={**ours, "object_options": given})
        storage = TeamFilesHook("team").open()
        faults.clear()
        put(storage, "x", b"1")
        _, seen = faults.heads[-1]
        assert seen["x-amz-server-side-encryption"] == "aws:kms"
        assert seen["x-amz-storage-class"] == "STANDARD_IA"
        assert storage._client().meta.config.max_pool_connections == 32
    connect(
        "cloud",
        conn_type="aws",
        login="test",
        password="test",
        extra={**extra, "config_kwargs": {"max_pool_connections": 7}},
    )
    storage = TeamFilesHook("team").open()
    assert storage._client().meta.config.max_pool_connections == 7
    connect("team", conn_type="savemasks", extra={**ours, "object_options": "StorageClass"})
    with pytest.raises(SettingsError, match="object_options are no JSON"):
        TeamFilesHook("team").open()
    parts = {"root": "supervisely://team/1", "parts_root": place.root, "parts_conn_id": "cloud"}
    connect("team", conn_type="savemasks", extra={**parts, "object_options": {"StorageClass": "ONEZONE_IA"}})
    put(TeamFilesHook("team")._parts_storage("supervisely://team/1"), "part", b"1")
    assert faults.heads[-1][1]["x-amz-storage-class"] == "ONEZONE_IA"
    connect("team", conn_type="savemasks", extra={"root": "/tmp/x", "object_options": {"StorageClass": "x"}})
    with pytest.raises(SettingsError, match="has no options of objects"):
        TeamFilesHook("team").open()


def test_options_of_google_and_azure_reach_their_files(gcs_address: str, azure_words: str) -> None:
    google = {"storage_class": "NEARLINE", "content_type": "application/x-tar", "metadata": {"team": "masks"}}
    with faulty(gcs_address) as (address, faults):
        place = places.gcs_place(address)
        storage = open_storage(place.root, Factory(lambda: places.gcs_client(address), google))
        for path, content in (("small", b"x"), ("big", NOISE)):
            put(storage, path, content)
        storage.compose("x", [Range("big", 0, len(NOISE)), b"end"])
        assert [target for target, _ in faults.bodies if "/compose" in target]
    bucket = places.gcs_client(gcs_address).bucket(places.BUCKET)
    for path in ("small", "big", "x"):
        blob = bucket.get_blob(f"{place.root.rpartition('/')[2]}/{path}")
        assert (blob.content_type, blob.metadata) == ("application/x-tar", {"team": "masks"})
    azure = {"standard_blob_tier": "Cool", "content_type": "application/x-tar", "tags": {"team": "masks"}}
    there = places.azure_place(azure_words)
    storage = open_storage(there.root, Factory(lambda: places.azure_client(azure_words), azure))
    for path, content in (("small", b"x"), ("big", NOISE)):
        put(storage, path, content)
    storage.compose("x", [Range("big", 0, len(NOISE)), b"end"])
    container = places.azure_client(azure_words).get_container_client(places.BUCKET)
    for path in ("small", "big", "x"):
        blob = container.get_blob_client(f"{there.root.rpartition('/')[2]}/{path}")
        found = blob.get_blob_properties()
        assert (found.blob_tier, found.content_settings.content_type) == ("Cool", "application/x-tar")
        assert blob.get_blob_tags() == {"team": "masks"}
