"""A compressed tar is unpacked once: in bounded memory, on a disk that is looked at, and damage is told as damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_savemasks.engine.errors import Stopped, StorageError
from airflow_savemasks.engine.storage import packed_unpacking, work_file
from airflow_savemasks.engine.storage.base import CHUNK
from airflow_savemasks.engine.storage.packed_unpacking import FED, _Chunks, _decoded
from airflow_savemasks.engine.storage.work_file import WorkFile
from tests.engine.storage.test_packed import COMPRESSED, make_tar, opened, refused

NOISE = os.urandom(200_000)
DECODERS: dict[Callable[[bytes], bytes], Callable[[], Any]] = {
    bz2.compress: bz2.BZ2Decompressor,
    lzma.compress: lzma.LZMADecompressor,
}


@pytest.mark.parametrize("pack", DECODERS)
@pytest.mark.parametrize("step", [1, 7, 10_000, 1 << 30])
def test_streams_one_after_the_other_are_joined_however_they_come_in(pack: Callable[[bytes], bytes], step: int) -> None:
    whole = pack(b"one ") + bytes(5) + pack(b"") + pack(b"two ") + pack(b"three") + bytes(FED + 3)
    chunks = [whole[at : at + step] for at in range(0, len(whole), step)]
    assert b"".join(_decoded(DECODERS[pack], chunks)) == b"one two three"


@pytest.mark.parametrize("pack", DECODERS)
def test_a_stream_that_does_not_end_is_cut_off_and_one_of_much_comes_in_pieces(
    pack: Callable[[bytes], bytes],
) -> None:
    make = DECODERS[pack]
    for chunks in ([], [b""], [pack(NOISE)[:-1]], [pack(b"x"), pack(b"y")[:9]], [pack(b"x") + pack(b"y")[:9]]):
        with pytest.raises(EOFError, match="in the middle of a compressed stream"):
            list(_decoded(make, chunks))
    content = bytes(3 * CHUNK + 5)
    pieces = list(_decoded(make, [pack(content)]))
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= CHUNK


def test_chunks_are_read_on_as_one_file() -> None:
    parts = [b"", b"abc", b"", b"d", NOISE]
    raw = _Chunks(iter(parts))
    buffer = bytearray(2)
    sizes = [raw.readinto(buffer) for _ in range(3)]
    assert sizes == [2, 1, 1]
    assert buffer == b"db"  # what a shorter read leaves is untouched
    assert io.BufferedReader(raw, 1000).read() == NOISE
    assert raw.readinto(buffer) == 0


def test_a_work_file_is_read_at_any_place_and_obeys_a_stop(tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK + 9)
    (tmp_path / "x").write_bytes(content)
    stop = threading.Event()

    def obey() -> None:
        if stop.is_set():
            raise Stopped

    with (tmp_path / "x").open("rb") as file:
        work = WorkFile(file, len(content), obey)
        assert b"".join(work.stream("", 5, 2 * CHUNK)) == content[5 : 2 * CHUNK + 5]
        assert [len(piece) for piece in work.stream("", 0, len(content))] == [CHUNK, CHUNK, 9]
        assert b"".join(work.stream("", 2 * CHUNK, CHUNK)) == content[2 * CHUNK :]
        assert list(work.stream("", 3, 0)) == []
        stop.set()
        with pytest.raises(Stopped):
            next(work.stream("", 0, 1))


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_a_stop_while_it_is_unpacked_is_a_stop_and_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    storage = opened(tmp_path, f"x.{ending}", COMPRESSED[ending](make_tar([("a", NOISE)])))
    stop = threading.Event()
    storage.watch(stop)
    look = work_file.Bound.check_room

    def and_stop(bound: work_file.Bound, wanted: int = 0) -> None:
        look(bound, wanted)
        stop.set()

    monkeypatch.setattr(work_file.Bound, "check_room", and_stop)
    with pytest.raises(Stopped):
        storage.listdir("")


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_a_tar_that_was_compressed_in_pieces_is_read_to_its_end(tmp_path: Path, ending: str) -> None:
    """Cut between two members, where what is read first looks whole, and with a piece of nothing there."""
    whole, first = make_tar([("a", b"x"), ("b", b"y")]), 1024
    assert whole[first : first + 1] == b"b"
    pieces = map(COMPRESSED[ending], (whole[:first], b"", whole[first:]))
    storage = opened(tmp_path, f"x.{ending}", b"".join(pieces))
    assert (storage.read("a"), storage.read("b")) == (b"x", b"y")


def zstd_frame(window_log: int) -> bytes:
    """A frame of one raw block `x`, to be unpacked with a window of so many bits."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([window_log - 10 << 3]) + (1 << 3 | 1).to_bytes(3, "little") + b"x"


def xz_of(dictionary: int) -> bytes:
    """An xz whose header asks for a dictionary of this size code."""
    content = bytearray(lzma.compress(b"x"))
    size = (content[12] + 1) * 4
    content[12 + 4] = dictionary
    content[12 + size - 4 : 12 + size] = struct.pack("<L", zlib.crc32(content[12 : 12 + size - 4]))
    return bytes(content)


def test_a_file_that_asks_for_gigabytes_to_be_unpacked_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    refused(tmp_path, "x.tar.zst", zstd_frame(29), "is damaged or cut off .*(memory|window)")
    refused(tmp_path, "y.tar.zst", zstd_frame(20), "cannot be read as an archive")  # unpacked: it is just no tar
    refused(tmp_path, "x.tar.xz", xz_of(39), "is damaged or cut off .*[Mm]emory")
    refused(tmp_path, "y.tar.xz", xz_of(22), "cannot be read as an archive")


@pytest.mark.parametrize(
    ("total", "free", "missing"),
    [
        (100 << 30, 1 << 30, 0),
        (100 << 30, (1 << 30) - 1, 1),
        (2000, 100, 0),
        (2000, 99, 1),
        (20 << 30, 7, (1 << 30) - 7),
    ],
)
def test_a_part_of_a_disk_stays_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, missing: int
) -> None:
    packed = gzip.compress(make_tar([("a", b"x")]))
    usage = SimpleNamespace(total=total, used=0, free=free + len(packed))
    monkeypatch.setattr(work_file.shutil, "disk_usage", lambda _: usage)
    if missing:
        refused(tmp_path, "x.tar.gz", packed, f"at least {missing:,} bytes are missing on the disk of .*set TMPDIR")
    else:
        assert opened(tmp_path, "x.tar.gz", packed).read("a") == b"x"


def test_a_disk_that_fills_up_meanwhile_is_noticed_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_file, "LOOK", 2 * CHUNK)
    looks: list[int] = []

    def usage(_: str) -> SimpleNamespace:
        looks.append(1)
        return SimpleNamespace(total=100 << 30, used=0, free=(50 << 30) if len(looks) < 3 else 0)

    monkeypatch.setattr(work_file.shutil, "disk_usage", usage)
    size = 6 * CHUNK - 10_240
    packed = gzip.compress(make_tar([("a", bytes(size))]), 1)
    refused(tmp_path, "x.tar.gz", packed, "at least 1,073,741,824 bytes are missing")
    assert len(looks) == 3
    looks.clear()
    opened(tmp_path, "y.tar.gz", gzip.compress(make_tar([("a", bytes(2 * CHUNK))]), 1)).listdir("")
    assert len(looks) == 2
    looks.clear()
    opened(tmp_path, "z.tar.gz", gzip.compress(make_tar([("a", bytes(2 * CHUNK - 10_240))]), 1)).listdir("")
    assert len(looks) == 1


def test_a_disk_that_is_full_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    monkeypatch.setattr(work_file.tempfile, "TemporaryFile", lambda **_: full.open("wb"))
    packed = gzip.compress(make_tar([("a", NOISE)]))
    refused(tmp_path, "x.tar.gz", packed, "the disk for its work file is full. Set TMPDIR to a larger disk")
    (tmp_path / "read only").write_bytes(b"")
    monkeypatch.setattr(work_file.tempfile, "TemporaryFile", lambda **_: _closed_by_the_system(tmp_path))
    refused(tmp_path, "y.tar.gz", packed, "Bad file descriptor. Look at the disk for temporary files")


def _closed_by_the_system(tmp_path: Path) -> Any:
    file = (tmp_path / "read only").open("wb", buffering=0)
    os.dup2(os.open(tmp_path / "read only", os.O_RDONLY), file.fileno())
    return file


def test_what_is_unpacked_may_be_as_large_as_its_limit(tmp_path: Path) -> None:
    tar = make_tar([("a", NOISE)])
    packed = gzip.compress(tar)
    assert opened(tmp_path, "x.tar.gz", packed, unpacked_bytes=len(tar)).read("a") == NOISE
    refused(tmp_path, "y.tar.gz", packed, "too large: .*unpacked_bytes", unpacked_bytes=len(tar) - 1)


def raising(error: Exception) -> Iterator[bytes]:
    yield b"x"
    raise error


def test_an_error_that_is_none_of_the_data_or_the_disk_comes_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        list(packed_unpacking._named(raising(RuntimeError("what nobody foresaw")), "x"))
    with pytest.raises(StorageError, match=r"x: is damaged or cut off \(no errno\)"):
        list(packed_unpacking._named(raising(OSError("no errno")), "x"))
