"""Packed projects behind schemes that only smart_open knows, from real servers on loopback."""

from __future__ import annotations

import json
import resource
import threading
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_savemasks.engine.errors import AccessError, NotFound, Stopped, StorageError
from airflow_savemasks.engine.opening import open_project
from airflow_savemasks.engine.storage import retries, stream_reading, work_file
from airflow_savemasks.engine.storage.opening import is_stream, open_source_storage
from tests.engine.samples import exported, run
from tests.engine.storage.streams import packed, refused
from tests.engine.storage.web import Web, served_by_ftp


def threads() -> int:
    return sum(thread.name == "savemasks-stream" for thread in threading.enumerate())


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
    assert run(f"{place}?token=1", tmp_path / "out")["items"]["rendered"] > 0
    assert run(f"{place}?token=2", tmp_path / "out")["items"]["rendered"] == 0
    (project / "ds0/ann/0000.png.json").write_bytes((project / "ds0/ann/0001.png.json").read_bytes())
    web.gives(packed(project, ending))
    assert run(place, tmp_path / "out")["items"]["rendered"] > 0
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


def test_user_password_and_token_reach_the_server(web: Web, project: Path) -> None:
    web.gives(packed(project, "tar"))
    source = open_project(f"http://kiwi:geheim99@{web.at}/secret/x.tar?token=geheim98")
    assert source.uri == f"{web.root}/secret/x.tar"
    assert source.connections == 0
    assert source.datasets() == ["ds0"]
    refused(f"http://kiwi:other@{web.at}/secret/x.tar?token=geheim98", AccessError, "401")


def test_ftp(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "PAUSE", 0.001)
    content = packed(project, "tar").read_bytes()
    with served_by_ftp(content) as at:
        for user in ("", "kiwi:geheim99@"):
            assert exported(run(f"ftp://{user}{at}/in/x.tar", tmp_path / f"out{len(user)}")) == 5
        refused(f"ftp://kiwi:geheim98@{at}/x.tar", AccessError, "the server answers 530")
        refused(f"ftp://{at}/none.tar", NotFound, "does not exist")
    with served_by_ftp(content, last="426 something broke") as at:
        refused(f"ftp://{at}/x.tar", StorageError, "the server answers 426. It was tried several times")


def test_webhdfs(web: Web, project: Path, tmp_path: Path) -> None:
    web.gives(packed(project, "tar.gz"))
    assert exported(run(f"webhdfs://{web.at}/in/x.tar.gz?user.name=kiwi", tmp_path / "out")) == 5
    assert web.requests == ["/webhdfs/v1/in/x.tar.gz?user.name=kiwi&op=OPEN&offset=0"]
    refused(f"webhdfs://{web.at}/status/404/x.tar.gz", NotFound, "does not exist")
    refused(f"webhdfs://{web.at}/status/403/x.tar.gz", AccessError, "the server answers 403 Forbidden")


def test_hdfs_needs_a_smart_open_that_notices_a_program_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_reading, "version", lambda _: "8.0.1")
    for scheme in ("hdfs", "viewfs"):
        refused(
            f"{scheme}://host/x.zip", StorageError, "smart_open 8.0.1 takes .* Install smart-open>=9, or use webhdfs"
        )


@pytest.mark.skipif(int(version("smart_open").partition(".")[0]) < 9, reason="refused before smart_open 9")
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
    assert exported(run("hdfs://host/x.zip", tmp_path / "out")) == 5
    refused("hdfs://host/y.zip", StorageError, "the program hdfs failed. Look whether `hdfs dfs -cat` reads it")
