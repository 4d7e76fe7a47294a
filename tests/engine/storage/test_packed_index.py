"""Tars as other programs write them, and how a packed source is read whatever it is: by ranges, and only as listed."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import Changed, NotFound, Stopped, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, Entry, Folder
from airflow_savemasks.engine.storage.opening import open_storage, unpacked
from airflow_savemasks.engine.storage.packed import PackedStorage
from airflow_savemasks.engine.storage.packed_index import tar_checksum
from tests.engine.storage.test_packed import make_tar, make_zip, opened, refused

KINDS = {"tar": make_tar, "zip": make_zip}
CONTENT = os.urandom(900)


def tar_of(*infos: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar whose plain files hold the beginning of CONTENT."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info in infos:
            tar.addfile(info, io.BytesIO(CONTENT) if info.isreg() else None)
    return out.getvalue()


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, to: str = "", time: float = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname, made.mtime = size, kind, to, time
    return made


def with_checksum(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_hard_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    content = tar_of(
        info("d/a", 900), info("d/b", 3), info("c", kind=tarfile.LNKTYPE, to="d/a"), info("e", kind=b"1", to="c")
    )
    storage = opened(tmp_path, "x.tar", content)
    assert [storage.read(name) for name in ("d/a", "c", "e", "d/b")] == [CONTENT, CONTENT, CONTENT, CONTENT[:3]]
    assert storage.stat("c") == storage.stat("d/a")


@pytest.mark.parametrize(
    "odd",
    [
        info("odd", kind=tarfile.LNKTYPE, to="later"),
        info("odd", kind=tarfile.SYMTYPE, to="first"),
        info("odd", kind=tarfile.FIFOTYPE),
        info("odd", kind=tarfile.CHRTYPE),
    ],
)
def test_what_is_no_plain_file_is_refused_by_its_name(tmp_path: Path, odd: tarfile.TarInfo) -> None:
    content = tar_of(info("first", 3), odd, info("later", 3))
    refused(tmp_path, "x.tar", content, "'odd' is a link or no plain file. Pack it with tar --dereference")


def test_a_sparse_file_is_refused_by_its_name(tmp_path: Path) -> None:
    header = bytearray(info("odd", 512).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:398] = header[398:410] = header[483:495] = b"%011o\0" % 512
    content = with_checksum(header) + bytes(512) + tar_of(info("a"))
    refused(tmp_path, "x.tar", content, "'odd' is a link or no plain file")


def test_a_size_below_zero_is_refused(tmp_path: Path) -> None:
    header = bytearray(info("odd").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    refused(tmp_path, "x.tar", tar_of(info("a"))[:512] + with_checksum(header) + bytes(1024), "has a size below zero")


def test_times_sizes_and_identities_are_those_of_each_member(tmp_path: Path) -> None:
    content = tar_of(info("a", 900, time=1_700_000_000), info("b", 900, time=5), info("d", kind=tarfile.DIRTYPE))
    first = opened(tmp_path, "x.tar", content)
    a, b = (first.stat(name) for name in "ab")
    assert (a.size, a.modified, b.size, b.modified) == (900, 1_700_000_000.0, 900, 5.0)
    assert a.identity != b.identity
    assert first.stat("d") is None
    os.utime(tmp_path / "x.tar", ns=(7, 7))
    second = unpacked(open_storage(str(tmp_path / "x.tar")))
    assert second.stat("a").identity != a.identity
    with pytest.raises(Changed):
        second.read("a", a)


def test_an_archive_with_other_bytes_at_the_same_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    storage = opened(tmp_path, "x.tar", tar_of(info("a", 900), info("b", 900)))
    storage.listdir("")
    then = path.stat().st_mtime_ns
    path.write_bytes(tar_of(info("c", 900), info("b", 900)))
    os.utime(path, ns=(then, then))
    assert storage.read("b") == CONTENT
    with pytest.raises(StorageError, match=r"x\.tar: is another archive than it was when it was listed"):
        storage.read("a")


def test_a_checksum_of_a_header_is_its_octal_number_and_no_other() -> None:
    header = info("a").tobuf(tarfile.GNU_FORMAT)
    assert tar_checksum(header) == sum(header[:148]) + sum(header[156:]) + 8 * 32
    assert tar_checksum(bytes(512)) == -1
    assert tar_checksum(b"x" * 512) == -1


def test_what_stands_where_a_header_should_be_is_told_with_its_place(tmp_path: Path) -> None:
    content = tar_of(info("a", 3))
    refused(tmp_path, "x.tar", content[:1024] + b"#" * 1024, "no tar header where one should be, at byte 1024")
    refused(tmp_path, "y.tar", content[:1024] + bytes(511), "ends without the blocks of zeros")
    assert opened(tmp_path, "z.tar", content[:1024] + bytes(512)).read("a") == CONTENT[:3]


def test_a_header_limit_is_for_each_member_and_not_for_all(tmp_path: Path) -> None:
    content = make_tar([(f"{number}", b"x") for number in range(50)])
    assert len(opened(tmp_path, "x.tar", content, member_header=513).listdir("").files) == 50
    refused(tmp_path, "y.tar", content, "too large: 513 bytes of a header", member_header=512)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_folder_around_everything_is_not_seen(tmp_path: Path, kind: str) -> None:
    def files(*names: str) -> list[str]:
        storage = opened(tmp_path, f"{len(names)}.{kind}", KINDS[kind]([(name, b"x") for name in names]))
        return [*storage.listdir("").files, *storage.listdir("").folders]

    assert files("p/a", "p/b/c") == ["a", "b"]
    assert files("p/a", "q/b", "c/d") == ["p", "q", "c"]
    assert files("p/a", "p/b", "p/c", "p.txt") == ["p.txt", "p"]
    assert files("a") == ["a"]
    assert files("./p/a", "./p//b", "p/./c", "p/d", "p/e") == list("abcde")


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_file_is_read_whole_or_by_a_range(tmp_path: Path, kind: str) -> None:
    large = os.urandom(2 * CHUNK + 5)
    storage = opened(tmp_path, f"x.{kind}", KINDS[kind]([("d/a", large), ("e", b"small")]))
    assert storage.read("d/a", storage.stat("d/a")) == large
    pieces = list(storage.stream("d/a", 3, 2 * CHUNK + 2, storage.stat("d/a")))
    assert b"".join(pieces) == large[3:]
    assert [len(piece) for piece in pieces] == [CHUNK, CHUNK, 2]
    assert list(storage.stream("e", 5, 0)) == []
    with pytest.raises(StorageError, match="d/a: ends 2 bytes too early"):
        list(storage.stream("d/a", 5, 2 * CHUNK + 2))
    with pytest.raises(NotFound, match=r"d/b: does not exist"):
        storage.read("d/b")
    with pytest.raises(Changed, match="d/a"):
        storage.read("d/a", Entry(len(large), "another", 0.0))
    assert storage.locate("d/a") == f"{storage.uri}/d/a"
    assert storage.locate("") == storage.uri == str(tmp_path / f"x.{kind}")
    assert storage.listdir("d/a/b") == storage.listdir("none") == Folder([], {})
    assert storage.stat("d") is None


def test_an_archive_has_no_way_to_be_written_to(tmp_path: Path) -> None:
    storage = opened(tmp_path, "x.tar", make_tar([("a", b"x")]))
    assert not [name for name in ("writing", "compose", "delete", "remove_abandoned") if hasattr(storage, name)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_is_obeyed_whatever_is_asked(tmp_path: Path, kind: str) -> None:
    storage = opened(tmp_path, f"x.{kind}", KINDS[kind]([("d/a", os.urandom(3 * CHUNK)), ("e", b"")]))
    stop = threading.Event()
    storage.watch(stop)
    reading = storage.stream("d/a", 0, 3 * CHUNK)
    assert len(next(reading)) == CHUNK
    stop.set()
    works = [lambda: next(reading), lambda: storage.read("d/a"), lambda: storage.listdir(""), lambda: storage.stat("e")]
    for work in works:
        with pytest.raises(Stopped):
            work()


def test_an_archive_is_listed_once_whoever_asks(tmp_path: Path) -> None:
    storage = opened(tmp_path, "x.tar", make_tar([("a", b"x"), ("b", b"y")]))
    before = storage.listdir("")
    (tmp_path / "x.tar").unlink()
    assert storage.listdir("") == before
    with pytest.raises(NotFound):
        storage.read("a")
    with pytest.raises(NotFound, match=r"y\.tar: does not exist"):
        PackedStorage(open_storage(str(tmp_path / "y.tar"))).listdir("")
