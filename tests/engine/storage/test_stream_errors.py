"""What goes wrong with a stream: one error of ours, without what is secret in a URI."""

from __future__ import annotations

import logging
import re
import socket
import time
import traceback
from pathlib import Path

import pytest
import smart_open

from airflow_savemasks.engine.errors import AccessError, NotFound, SaveMasksError, SettingsError, StorageError
from airflow_savemasks.engine.opening import open_sources, open_team_files_root
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.storage import retries, stream_reading
from airflow_savemasks.engine.storage.opening import open_source_storage, open_storage
from airflow_savemasks.engine.storage.stream_errors import failure_of
from airflow_savemasks.engine.storage.uris import without_secrets
from tests.engine.samples import layer
from tests.engine.storage.streams import packed, refused
from tests.engine.storage.web import Web


@pytest.mark.parametrize(
    ("path", "kind", "says"),
    [
        ("status/404/x.tar", NotFound, "does not exist"),
        ("status/401/x.tar", AccessError, "the server answers 401 Unauthorized.*token in the URI"),
        ("status/403/x.tar", AccessError, "the server answers 403 Forbidden"),
        ("status/410/x.tar", StorageError, "the server answers 410 Gone"),
        ("status/500/x.tar", StorageError, "500 Internal Server Error. It was tried several times"),
        ("loop/x.tar", StorageError, "the server redirects in a circle. Name the URI"),
        ("cut/x.tar", StorageError, "the connection broke off|ends after"),
    ],
)
def test_what_a_server_refuses_is_one_error_without_secrets(
    web: Web, path: str, kind: type[SaveMasksError], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    web.content = bytes(10_000)
    caplog.set_level(logging.INFO)
    uri = f"http://kiwi:geheim99@{web.at}/{path}?token=geheim98"
    error = refused(uri, kind, says)
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(error.args)
    assert "geheim" not in told
    assert "kiwi" not in told


def test_no_client_logs_a_uri(web: Web, project: Path, caplog: pytest.LogCaptureFixture) -> None:
    web.gives(packed(project, "tar"))
    caplog.set_level(logging.DEBUG)
    for how in ("plain", "odd"):
        storage = open_source_storage(f"http://kiwi:geheim99@{web.at}/{how}/x.tar?token=geheim98")
        assert storage.listdir("ds0/img").files
    assert "geheim" not in caplog.text
    assert "bytes read in" in caplog.text


def test_a_short_body_is_tried_again_and_then_told_with_its_bytes(web: Web, project: Path, tmp_path: Path) -> None:
    web.gives(packed(project, "tar.gz"))
    size = len(web.content)
    refused(f"{web.root}/short/x.tar.gz", StorageError, f"ends after {size:,} of {size + 1000:,} bytes")
    assert len(web.requests) == retries.TRIES
    for how in ("breaks", "flaky"):
        web.failures = retries.TRIES - 1
        assert len(open_source_storage(f"{web.root}/{how}/x.tar.gz").listdir("ds0/img").files) == 5
    assert list((tmp_path / "work").iterdir()) == []


def test_nobody_listens(web: Web) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused(f"http://127.0.0.1:{port}/x.tar", StorageError, "connection refused. Look whether the server runs")


@pytest.mark.parametrize("how", ["silent", "stall"])
@pytest.mark.parametrize("who", ["client", "we"])
def test_a_server_that_stalls_is_given_up(web: Web, how: str, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    web.content = bytes(1_000_000)
    monkeypatch.setattr(retries, "TRIES", 2)
    monkeypatch.setattr(stream_reading, "SILENCE", 0.3)
    if who == "we":
        impatient = smart_open.open  # as the clients of some schemes know no timeouts
        monkeypatch.setattr(smart_open, "open", lambda uri, mode, **_: impatient(uri, mode, compression="disable"))
    began = time.monotonic()
    refused(f"{web.root}/{how}/x.tar", StorageError, "no answer in time|nothing came for 0.3 seconds")
    assert time.monotonic() - began < 5
    assert len(web.requests) == 2


def test_what_is_not_packed_or_is_to_be_written_is_refused_with_a_fix(web: Web) -> None:
    for uri in (f"{web.root}/plain/project?x=/y.tar", f"{web.root}/x.tar/", "hdfs://host/folder", "ftp://host/x.rar"):
        error = refused(uri, SettingsError, "is no packed project")
        assert "'.tar', '.zip', '.tar.gz'" in error.fix
    assert web.requests == []
    for opened in (open_storage, open_team_files_root):
        with pytest.raises(SettingsError, match=r"http:// can only be a source.*Write to a folder or.*s3://") as caught:
            opened("http://kiwi:geheim99@host/x.tar?token=geheim99")
        assert "geheim99" not in str(caught.value)
    for uri in ("s3a://bucket/x.tar", "ssh://host/x.tar", "foo://host/x.tar?geheim99", "a b://x.tar"):
        with pytest.raises(SettingsError, match="unknown scheme") as caught:
            open_source_storage(uri)
        assert "geheim99" not in str(caught.value)


def test_two_streams_that_could_not_be_told_apart_are_refused() -> None:
    two = parse_layer(layer(src=["$a", "$b"]))
    with pytest.raises(SettingsError, match=r"http://h/x.tar: is two sources that differ only in their user or query"):
        open_sources(two, {"$a": "http://h/x.tar?id=1", "$b": "http://h/x.tar?id=2"})
    assert open_sources(two, {"$a": "http://h/x.tar?id=1", "$b": "http://h/x.tar?id=1"})


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://kiwi:geheim@host:80/a/x.tar?b#c", "http://host:80/a/x.tar"),
        ("http://geheim@host/x.tar", "http://host/x.tar"),
        ("http://kiwi:ge/heim@host/x.tar", "http://host/x.tar"),
        ("http://host:8080/a@b.tar", "http://host:8080/a@b.tar"),
        ("http://host/a@b.tar?x@y", "http://host/a@b.tar"),
        ("http://[::1]:80/x.tar", "http://[::1]:80/x.tar"),
        ("name=http://kiwi:geheim@host/x.tar", "name=http://host/x.tar"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
        ("sftp://kiwi:geheim@host/x", "sftp://kiwi@host/x"),
        ("/a:b@c?d", "/a:b@c?d"),
    ],
)
def test_what_is_shown_of_a_uri(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


def test_errors_of_other_clients_are_understood() -> None:
    from ftplib import error_perm, error_temp

    from smart_open.webhdfs import WebHdfsException

    for error, kind in (
        (error_perm("550 geheim"), retries.Kind.MISSING),
        (error_perm("530 geheim"), retries.Kind.ACCESS),
        (error_temp("421 geheim"), retries.Kind.PASSING),
        (WebHdfsException("geheim", 404), retries.Kind.MISSING),
        (WebHdfsException("geheim", 403), retries.Kind.ACCESS),
        (socket.gaierror(-2, "geheim"), retries.Kind.PASSING),
        (ConnectionResetError(104, "geheim"), retries.Kind.PASSING),
        (FileNotFoundError(2, "geheim", "hdfs"), retries.Kind.BROKEN),
        (OSError("geheim exit status 1"), retries.Kind.BROKEN),
        (ImportError("geheim"), retries.Kind.BROKEN),
        (ValueError("geheim"), retries.Kind.BROKEN),
    ):
        failure = failure_of(error, "hdfs")
        assert failure.kind is kind, error
        assert "geheim" not in failure.fact + failure.fix
        assert not re.search(r"\.$", failure.fact)


def test_no_safe_connection(web: Web) -> None:
    refused(f"https://{web.at}/plain/x.tar", StorageError, "no safe connection: .*REQUESTS_CA_BUNDLE")
