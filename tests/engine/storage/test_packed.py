"""Packed sources: what is read from them is what was packed; what is odd is taken, and what is wrong is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_savemasks.engine.errors import BadItemsError, SettingsError, Stopped, StorageError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.storage import work_file
from airflow_savemasks.engine.storage.base import NO_UTF8, Storage
from airflow_savemasks.engine.storage.opening import open_source_storage, open_storage
from airflow_savemasks.engine.storage.uris import without_password
from tests.engine.samples import exported, make_project, run

NOISE = os.urandom(40_000)


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("zstandard").ZstdCompressor().compress(data)


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "tar.gz": gzip.compress,
    "TGZ": gzip.compress,
    "tar.bz2": bz2.compress,
    "tbz2": bz2.compress,
    "tar.xz": lzma.compress,
    "txz": lzma.compress,
    "tar.zst": zstd,
    "tzst": zstd,
}


def make_tar(files: list[tuple[str, bytes]], **pax: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.pax_headers = pax
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def make_zip(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return out.getvalue()


def opened(tmp_path: Path, name: str, content: bytes, **limits: int) -> Storage:
    (tmp_path / name).write_bytes(content)
    return open_source_storage(str(tmp_path / name), limits=Limits(**limits))


def refused(tmp_path: Path, name: str, content: bytes, match: str, **limits: int) -> None:
    with pytest.raises(StorageError, match=match) as caught:
        opened(tmp_path, name, content, **limits).listdir("")
    assert name in caught.value.where


@pytest.mark.parametrize("ending", COMPRESSED)
def test_an_export_from_a_compressed_tar_is_that_from_its_folder(tmp_path: Path, ending: str) -> None:
    project = make_project(tmp_path / "project", items=5)
    with tarfile.open(tmp_path / "plain.tar", "w") as tar:
        tar.add(project, "project")
    packed = tmp_path / f"x.{ending}"
    packed.write_bytes(COMPRESSED[ending]((tmp_path / "plain.tar").read_bytes()))
    run(packed, tmp_path / "out")
    run(project, tmp_path / "expected")
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "expected/export.tar").read_bytes()
    assert run(packed, tmp_path / "out")["items"]["rendered"] == 0


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_several_streams_are_one_tar_and_a_damaged_or_short_one_is_named(tmp_path: Path, ending: str) -> None:
    tar = make_tar([("a", NOISE), ("b", NOISE[::-1])])
    pack = COMPRESSED[ending]
    joined = pack(tar[:10_000]) + pack(b"") + pack(tar[10_000:])
    storage = opened(tmp_path, f"joined.{ending}", joined)
    assert [storage.read(name) for name in "ab"] == [NOISE, NOISE[::-1]]
    whole = pack(tar)
    refused(tmp_path, f"short.{ending}", whole[: len(whole) // 2], "cut off|unexpected end|cannot be read")
    refused(tmp_path, f"none.{ending}", b"no such thing" * 99, "damaged|cannot be read")
    refused(tmp_path, f"empty.{ending}", b"", "cut off|cannot be read")


def test_a_work_file_is_bounded_and_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_file.tempfile, "tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    bomb = gzip.compress(make_tar([("a", bytes(30_000_000))]))
    refused(tmp_path, "x.tar.gz", bomb, r"too large.*unpacked_bytes", unpacked_bytes=20_000_000)
    storage = opened(tmp_path, "y.tar.gz", bomb)
    assert storage.stat("a").size == 30_000_000
    assert list((tmp_path / "work").iterdir()) == []
    usage = SimpleNamespace(total=100 << 30, used=0, free=(1 << 30) - 5)
    monkeypatch.setattr(work_file.shutil, "disk_usage", lambda _: usage)
    refused(tmp_path, "z.tar.gz", bomb, f"at least {len(bomb) + 5:,} bytes are missing")


def test_unpacking_obeys_a_stop(tmp_path: Path) -> None:
    storage = opened(tmp_path, "x.tar.gz", gzip.compress(make_tar([("a", NOISE)])))
    stop = threading.Event()
    storage.watch(stop)
    stop.set()
    with pytest.raises(Stopped):
        storage.listdir("")
    storage.watch(threading.Event())
    assert storage.read("a") == NOISE


def test_without_a_module_for_zstd_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = zstd(b"x")
    for name in ("zstandard", "backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=r"pip install 'airflow-savemasks\[zstd\]'"):
        opened(tmp_path, "x.tar.zst", content).listdir("")


@pytest.mark.parametrize("date", [0, 13 << 5 | 1, 0xFFFF])
def test_a_zip_with_no_or_an_odd_date_is_read(tmp_path: Path, date: int) -> None:
    content = bytearray(make_zip([("a", b"content")]))
    here = content.index(b"PK\1\2")
    content[here + 14 : here + 16] = struct.pack("<H", date)
    assert opened(tmp_path, "x.zip", bytes(content)).read("a") == b"content"


def test_a_zip_with_something_before_it_and_a_large_one(tmp_path: Path) -> None:
    plain = make_zip([("a", b"content")])
    assert opened(tmp_path, "before.zip", b"#!/bin/sh\n" + plain).read("a") == b"content"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        with packed.open("a", "w", force_zip64=True) as file:
            file.write(b"content")
        for number in range(70_000):
            packed.writestr(f"many/{number}", b"")
    storage = opened(tmp_path, "large.zip", out.getvalue())
    assert storage.read("a") == b"content"
    assert len(storage.listdir("many").files) == 70_000


def test_a_zip_member_of_another_size_than_it_says_is_refused(tmp_path: Path) -> None:
    for said in (10, 1_000_000, 50_000_000):
        content = bytearray(make_zip([("a", bytes(10_000_000))]))
        here = content.index(b"PK\1\2")
        content[here + 24 : here + 28] = struct.pack("<L", said)
        storage = opened(tmp_path, f"{said}.zip", bytes(content))
        with pytest.raises(StorageError, match=f"does not have the {said} bytes"):
            storage.read("a")


def test_a_damaged_picture_in_a_zip_is_a_bad_item_until_it_is_mended(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=3)
    files = [(str(path.relative_to(project)), path.read_bytes()) for path in project.rglob("*") if path.is_file()]
    whole = make_zip(files)
    content = bytearray(whole)
    at = content.index(b"img/0001.png") + 200
    content[at] ^= 0xFF
    packed = tmp_path / "project.zip"
    packed.write_bytes(content)
    with pytest.raises(BadItemsError, match="0001.png"):
        run(packed, tmp_path / "out")
    (skipped,) = run(packed, tmp_path / "out", on_bad_item="skip")["skipped"]
    assert skipped["item"] == "ds0/0001.png"
    packed.write_bytes(whole)  # with the same checksums as before
    assert run(packed, tmp_path / "out", on_bad_item="skip")["items"] == {"rendered": 1, "reused": 2, "skipped": 0}


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    for kind, content in (("tar", make_tar([(name, b"x")])), ("zip", make_zip([(name, b"x")]))):
        refused(tmp_path, f"x.{kind}", content, f"'{name}' is no path below the archive")


def test_a_member_without_a_name_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate(
        (make_tar([("a", b"x")], path=""), make_tar([(".", b"x")]), make_zip([(".", b"x")]))
    ):
        refused(tmp_path, f"{number}.{'zip' if number == 2 else 'tar'}", content, "has no name")


def test_a_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    content = make_zip([("a_b", b"x")]).replace(b"a_b", b"a\0b")
    refused(tmp_path, "x.zip", content, "is no path below the archive")


def test_two_members_of_one_name(tmp_path: Path) -> None:
    files = [("a", b"first"), ("b", b"other"), ("./a", b"second")]
    assert opened(tmp_path, "x.tar", make_tar(files)).read("a") == b"second"
    refused(tmp_path, "x.zip", make_zip(files), "'./a' is there twice")


def test_a_tar_without_its_end_is_refused(tmp_path: Path) -> None:
    whole = make_tar([("a", b"x" * 512), ("b", b"y" * 512)])
    end = 4 * 512
    assert opened(tmp_path, "one.tar", whole[: end + 512]).read("b") == b"y" * 512
    for length in (end, end + 100, 2 * 512):
        refused(tmp_path, f"{length}.tar", whole[:length], "is cut off|ends without")
    refused(tmp_path, "inside.tar", whole[: end - 100], "cannot be read|cut off")


def test_a_header_is_no_larger_than_its_limit(tmp_path: Path) -> None:
    content = make_tar([("a", b"x")], comment="x" * 3_000_000)
    refused(tmp_path, "x.tar", content, r"too large.*member_header")
    assert opened(tmp_path, "y.tar", content, member_header=4_000_000).read("a") == b"x"
    chain = make_tar([("a", b"x")], comment="x")
    refused(tmp_path, "chain.tar", chain[:1024] * 3000 + chain[1024:], "too large|cannot be read")


def test_more_members_than_the_limit_are_refused(tmp_path: Path) -> None:
    files = [(f"{number}", b"") for number in range(12)]
    for kind, content in (("tar", make_tar(files)), ("zip", make_zip(files))):
        assert len(opened(tmp_path, f"y.{kind}", content, members=12).listdir("").files) == 12
        refused(tmp_path, f"x.{kind}", content, r"too large.*'members'|too large.*files in a packed", members=11)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_2000_folders_inside_of_each_other(tmp_path: Path, kind: str) -> None:
    path = "/".join(["folder"] * 2000)
    files = [(f"{path}/a", b"x"), ("top", b"y")]
    storage = opened(tmp_path, f"x.{kind}", make_tar(files) if kind == "tar" else make_zip(files))
    assert storage.read(f"{path}/a") == b"x"
    assert list(storage.listdir(path).files) == ["a"]
    assert storage.listdir("folder/folder").folders == ["folder"]


def test_a_name_that_is_no_utf8_is_listed_as_such(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        for name in ("img/caf\udce9.png", "img/b", "t"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    level = opened(tmp_path, "x.tar", out.getvalue()).listdir("img")
    assert level.others == {"caf\\xe9.png": NO_UTF8}
    assert list(level.files) == ["b"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / name, items=2)
    assert open_source_storage(str(project)).stat("meta.json") is not None
    assert exported(run(project, tmp_path / "out")) == 2
    shutil.rmtree(project)


def test_a_password_in_a_uri_is_shown_nowhere() -> None:
    assert without_password("/a:b@c") == "/a:b@c"
    uri = "sftp://user:secret@host:22/a:b@c"
    assert without_password(uri) == "sftp://user@host:22/a:b@c"
    pytest.importorskip("paramiko")
    storage = open_storage(uri)
    assert "secret" not in storage.uri + storage.locate("x")
    for wrong in ("s3://key:secret@bucket/x", "gopher://user:secret@host/x", "sftp://user:secret@host/\udce9"):
        with pytest.raises(SettingsError) as caught:
            open_storage(wrong)
        assert "secret" not in str(caught.value)


def test_limits_of_an_export_hold_for_what_lies_in_a_packed_source(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=3)
    packed = tmp_path / "p.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(project, "p")
    assert exported(run(str(packed), tmp_path / "out")) == 3
    with pytest.raises(StorageError, match="members"):
        run(str(packed), tmp_path / "out", limits={"members": 6})
