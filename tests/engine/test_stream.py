"""Packed projects and layers behind schemes that only smart_open knows, from a real HTTP server on loopback."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
import re
import resource
import socket
import subprocess
import sys
import tarfile
import threading
import time
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import smart_open

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.errors import (
    AccessError,
    NotFound,
    SaveMasksError,
    SettingsError,
    Stopped,
    StorageError,
)
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.opening import open_project, open_sources, open_team_files_root
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.storage import retries, stream, stream_reading, work_file
from airflow_savemasks.engine.storage.base import (
    Storage,
    is_stream,
    open_source_storage,
    open_storage,
    without_secrets,
)
from airflow_savemasks.engine.storage.stream_errors import failure_of
from tests.engine.samples import LAYER, layer, make_project, run
from tests.engine.web import Web, served, served_by_ftp


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    monkeypatch.setattr(retries, "PAUSE", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(work_file.tempfile, "tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    with served() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=5)


def packed(project: Path, ending: str) -> Path:
    """The project as one file."""
    file = project.parent / f"x.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
            for path in sorted(project.rglob("*")):
                into.write(path, path.relative_to(project.parent))
        return file
    plain = project.parent / "plain.tar"
    with tarfile.open(plain, "w") as tar:
        tar.add(project, "project")
    pack = {"tar": bytes, "tar.gz": lambda data: gzip.compress(data, mtime=0), "tbz2": bz2.compress}[ending]
    file.write_bytes(pack(plain.read_bytes()))
    return file


def threads() -> int:
    return sum(thread.name == "savemasks-stream" for thread in threading.enumerate())


def refused(uri: str, kind: type[SaveMasksError], match: str, **limits: int) -> SaveMasksError:
    """What opening and listing raises: exactly one error of that kind, that names the URI without its secrets."""
    with pytest.raises(SaveMasksError, match=match) as caught:
        open_source_storage(uri, limits=Limits(**limits)).listdir("")
    assert type(caught.value) is kind
    assert caught.value.where == without_secrets(uri)
    assert caught.value.problem
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize("how", ["plain", "ranges", "chunked", "unsized", "slow", "moved"])
@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tbz2", "zip"])
def test_an_export_from_a_stream_is_that_from_the_folder_read_once(
    web: Web, project: Path, tmp_path: Path, how: str, ending: str
) -> None:
    web.gives(packed(project, ending))
    result = run(f"{web.root}/{how}/x.{ending}?token=geheim99#part", tmp_path / "out")
    run(project, tmp_path / "expected")
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "expected/export.tar").read_bytes()
    assert len(web.requests) == (2 if how == "moved" else 1)
    assert not any("bytes=" in request for request in web.requests)
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"geheim99" not in written
    assert "geheim99" not in json.dumps(result)
    assert f"{web.root}/{how}/x.{ending}".encode() in (tmp_path / "out/export.manifest.json").read_bytes()
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "zip"])
def test_the_same_bytes_find_their_parts_and_others_do_not(
    web: Web, project: Path, tmp_path: Path, ending: str
) -> None:
    web.gives(packed(project, ending))
    place = f"{web.root}/plain/x.{ending}"
    assert run(f"{place}?token=1", tmp_path / "out")["parts"]["rendered"] > 0
    assert run(f"{place}?token=2", tmp_path / "out")["parts"]["rendered"] == 0
    (project / "ds0/ann/0000.png.json").write_bytes((project / "ds0/ann/0001.png.json").read_bytes())
    web.gives(packed(project, ending))
    assert run(place, tmp_path / "out")["parts"]["rendered"] > 0
    run(project, tmp_path / "expected")
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "expected/export.tar").read_bytes()


def test_identities_come_from_the_bytes_alone(web: Web, project: Path) -> None:
    web.gives(packed(project, "tar"))

    def identity(how: str) -> str:
        found = open_source_storage(f"{web.root}/{how}/x.tar").stat("meta.json")
        assert found is not None
        return found.identity

    first = identity("plain")
    assert identity("chunked") == identity("ranges") == first
    web.content = web.content[:-1] + b"\1"  # behind the end of the tar
    assert identity("plain") != first


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


@pytest.mark.parametrize("how", ["silent", "stall", "slow", "endless"])
def test_a_stop_ends_it_within_a_second_and_leaves_nothing(web: Web, tmp_path: Path, how: str) -> None:
    web.content = bytes(50_000_000)
    storage = open_source_storage(f"{web.root}/{how}/x.tar")
    stop = threading.Event()
    storage.watch(stop)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        storage.listdir("")
    assert 0.25 < time.monotonic() - began < 1.3
    web.over.set()
    while threads() and time.monotonic() - began < 5:
        time.sleep(0.02)
    assert threads() == 0
    assert list((tmp_path / "work").iterdir()) == []


def test_bytes_are_bounded_before_and_while_they_come(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.content = bytes(3_000_000)
    refused(
        f"{web.root}/plain/x.tar", StorageError, "too large: 3,000,000 bytes of.*'streamed_bytes'", streamed_bytes=9
    )
    refused(f"{web.root}/endless/x.tar", StorageError, "too large.*'streamed_bytes'", streamed_bytes=20_000_000)
    usage = SimpleNamespace(total=100 << 30, used=0, free=(1 << 30) - 5)
    monkeypatch.setattr(work_file.shutil, "disk_usage", lambda _: usage)
    error = refused(f"{web.root}/plain/x.tar", StorageError, "cannot be read: at least 3,000,005 bytes are missing")
    assert "TMPDIR" in error.fix


def test_the_limit_of_an_export_counts(web: Web, project: Path, tmp_path: Path) -> None:
    web.gives(packed(project, "tar"))
    with pytest.raises(StorageError, match="streamed_bytes"):
        run(f"{web.root}/chunked/x.tar", tmp_path / "out", limits={"streamed_bytes": 1000})


def test_memory_is_bounded(web: Web) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(f"{web.root}/endless/x.tar", StorageError, "streamed_bytes", streamed_bytes=300_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # kilobytes


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


def test_schemes() -> None:
    for uri in ("http://h/x", "HTTPS://h/x", "ftp://h/x", "ftps://h/x", "hdfs://h/x", "viewfs://h/x", "webhdfs://h/x"):
        assert is_stream(uri)
    for uri in (
        "/x",
        "x",
        "file:///x",
        "s3://b/x",
        "gs://b/x",
        "azure://c/x",
        "sftp://h/x",
        "supervisely://a/b",
        "://",
    ):
        assert not is_stream(uri)


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


def test_user_password_and_token_reach_the_server(web: Web, project: Path) -> None:
    web.gives(packed(project, "tar"))
    source = open_project(f"http://kiwi:geheim99@{web.at}/secret/x.tar?token=geheim98")
    assert source.uri == f"{web.root}/secret/x.tar"
    assert source.connections == 0
    assert source.datasets() == ["ds0"]
    refused(f"http://kiwi:other@{web.at}/secret/x.tar?token=geheim98", AccessError, "401")


@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_layer_options_and_source_of_the_shell_may_be_streams(
    web: Web, project: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps(LAYER).encode()
    with served() as other:
        other.content = gzip.compress(text) if ending.endswith("gz") else text
        web.gives(packed(project, "tar"))
        words = [f"{other.root}/chunked/layer.{ending}?token=geheim99", "--team-files", str(tmp_path / "out")]
        assert main([*words, "--source", f"{web.root}/plain/x.tar?token=geheim99"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["items"] == 5
        other.content = b'{"limits": {"labels": 1}}'
        (tmp_path / "layer.json").write_bytes(text)
        words = [str(tmp_path / "layer.json"), "--team-files", str(tmp_path / "out"), "--source", str(project)]
        assert main([*words, "--options", f"{other.root}/plain/options.json"]) == 1
        assert "labels" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["status/404", "status/403", "status/503", "plain"])
def test_a_layer_that_cannot_be_read_as_a_stream_ends_with_2(
    web: Web, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    web.content = b"\xff\xfe"
    assert main([f"http://kiwi:geheim99@{web.at}/{path}/layer.json?token=geheim98", "--team-files", "out"]) == 2
    said = capsys.readouterr().err
    assert f"error: {web.root}/{path}/layer.json: cannot be read" in said
    assert "geheim" not in said


def test_a_layer_of_any_size_is_not_taken(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="too large: more than 5,000,000 bytes"):
        stream.read_whole(f"{web.root}/endless/layer.json", 5_000_000)


def test_a_source_without_a_name_is_told_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(layer(src=["$a", "$b"])))
    words = [str(tmp_path / "layer.json"), "--team-files", "out", "--source", "http://kiwi:geheim99@h/x.tar?geheim98"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "'http://h/x.tar' has no name" in said
    assert "geheim" not in said


def test_a_killed_shell_leaves_no_work_file(web: Web, tmp_path: Path) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    words = [str(tmp_path / "layer.json"), "--team-files", str(tmp_path / "out"), "--source", f"{web.root}/stall/x.tar"]
    web.content = bytes(10_000_000)
    for number, code in ((15, 143), (9, -9)):
        web.requests.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow_savemasks", *words],
            stderr=subprocess.PIPE,
            env={"TMPDIR": str(tmp_path / "work"), "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        )
        until = time.monotonic() + 20
        while not web.requests and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(number)
        began = time.monotonic()
        _, said = process.communicate(timeout=20)
        assert process.returncode == code, said
        assert time.monotonic() - began < 2
        assert list((tmp_path / "work").iterdir()) == []


def test_ftp(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSE", 0.001)
    content = packed(project, "tar").read_bytes()
    with served_by_ftp(content) as at:
        for user in ("", "kiwi:geheim99@"):
            assert run(f"ftp://{user}{at}/in/x.tar", tmp_path / f"out{len(user)}")["items"] == 5
        refused(f"ftp://kiwi:geheim98@{at}/x.tar", AccessError, "the server answers 530")
        refused(f"ftp://{at}/none.tar", NotFound, "does not exist")
    with served_by_ftp(content, last="426 something broke") as at:
        refused(f"ftp://{at}/x.tar", StorageError, "the server answers 426. It was tried several times")


def test_webhdfs(web: Web, project: Path, tmp_path: Path) -> None:
    web.gives(packed(project, "tar.gz"))
    assert run(f"webhdfs://{web.at}/in/x.tar.gz?user.name=kiwi", tmp_path / "out")["items"] == 5
    assert web.requests == ["/webhdfs/v1/in/x.tar.gz?user.name=kiwi&op=OPEN&offset=0"]
    refused(f"webhdfs://{web.at}/status/404/x.tar.gz", NotFound, "does not exist")
    refused(f"webhdfs://{web.at}/status/403/x.tar.gz", AccessError, "the server answers 403 Forbidden")


def test_hdfs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the program that Hadoop has for it, which is a script here."""
    monkeypatch.setattr(retries, "PAUSE", 0.001)
    file = packed(project, "zip")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    refused("hdfs://host/x.zip", StorageError, "the program hdfs is not installed. Install Hadoop's client")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/hdfs"
    script.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "dfs -cat hdfs://host/x.zip" ] && exec /bin/cat {file}\nexit 1\n')
    script.chmod(0o755)
    assert run("hdfs://host/x.zip", tmp_path / "out")["items"] == 5
    refused("hdfs://host/y.zip", StorageError, "the program hdfs failed. Look whether `hdfs dfs -cat` reads it")


def test_no_safe_connection(web: Web) -> None:
    refused(f"https://{web.at}/plain/x.tar", StorageError, "no safe connection: .*REQUESTS_CA_BUNDLE")


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


def test_a_stream_is_only_read(web: Web, project: Path) -> None:
    web.gives(packed(project, "zip"))
    storage: Storage = open_source_storage(f"{web.root}/plain/x.zip")
    with pytest.raises(StorageError, match="only read"):
        storage.writing("a")
