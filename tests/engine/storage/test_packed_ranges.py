"""How an archive is found and read on a storage that gives ranges of bytes: by few reads, within what is allowed."""

from __future__ import annotations

import io
import os
import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import AccessError, NotFound, StorageError
from airflow_savemasks.engine.limits import Limits, TooLarge
from airflow_savemasks.engine.storage.base import Entry, Folder, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.opening import unpacked
from airflow_savemasks.engine.storage.packed import PackedStorage
from airflow_savemasks.engine.storage.range_reader import AHEAD, LEAST_READ, MOST_READ, THROUGH, RangeReader
from tests.engine.storage.test_packed import make_tar, make_zip


class Counting:
    """Bytes that tell how many of them were asked for at a time."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[int] = []

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        assert 0 <= offset <= offset + size <= len(self.content)
        self.reads.append(size)
        yield self.content[offset : offset + size]


def reader(content: bytes, *, remote: bool = False, **limits: int) -> tuple[Counting, RangeReader]:
    source = Counting(content)
    return source, RangeReader(source, Entry(len(content), "", 0.0), Limits(**limits), remote=remote)


@pytest.mark.parametrize("remote", [False, True])
def test_a_reader_of_ranges_is_a_file_like_any_other(monkeypatch: pytest.MonkeyPatch, remote: bool) -> None:
    content = os.urandom(5 * LEAST_READ + 77)
    monkeypatch.setattr("airflow_savemasks.engine.storage.range_reader.MOST_READ", 10_000)
    monkeypatch.setattr("airflow_savemasks.engine.storage.range_reader.THROUGH", 50_000)
    source, file = reader(content, remote=remote, member_header=len(content))
    plain = io.BytesIO(content)
    rng = random.Random(1)
    assert file.readable()
    assert file.seekable()
    for _ in range(600):
        whence = rng.choice([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
        if rng.random() < 0.4:
            goal = rng.randrange(len(content) + 9)
            offset = goal - {io.SEEK_SET: 0, io.SEEK_CUR: plain.tell(), io.SEEK_END: len(content)}[whence]
            assert file.seek(offset, whence) == plain.seek(offset, whence) == file.tell()
        size = rng.choice([-1, 0, 1, 30, 5_000, LEAST_READ, LEAST_READ + 1, rng.randrange(9_000)])
        file.allow()
        assert file.read(size) == plain.read(size)
        assert file.tell() == plain.tell()
    assert max(source.reads) <= len(content)


def test_reads_grow_while_one_follows_the_other_and_begin_small_elsewhere() -> None:
    source, file = reader(bytes(40 << 20), member_header=1 << 30)
    while file.read(LEAST_READ // 4):
        pass
    grown = [LEAST_READ << number for number in range(20) if LEAST_READ << number <= MOST_READ]
    assert source.reads[:9] == [2 * LEAST_READ, *grown[2:], *[MOST_READ] * (9 - len(grown) + 1)]
    assert sum(source.reads) == 40 << 20
    source.reads.clear()
    for place in (30 << 20, 10 << 20, 20 << 20):
        file.seek(place)
        file.read(512)
        file.read(512)
    assert source.reads == [LEAST_READ] * 3
    file.read(2 * LEAST_READ)
    assert source.reads[3:] == [2 * LEAST_READ]
    file.seek(-100, io.SEEK_END)
    assert len(file.read(512)) == 100
    assert source.reads[4:] == [100]


def test_behind_a_network_what_lies_between_headers_is_read_along_by_reads_in_flight() -> None:
    source, file = reader(bytes(80 << 20), remote=True)
    step = 300_032
    for place in range(0, 80 << 20, step):
        file.seek(place)
        file.allow()
        assert len(file.read(512)) == 512
    assert source.reads == [MOST_READ] * 20
    source.reads.clear()
    for number in (9, 7, 5, 3, 1):  # backwards, so that nothing that was begun is of use
        file.seek(number * THROUGH)
        file.allow()
        file.read(512)
    assert source.reads == [LEAST_READ] * 5


def test_behind_a_network_large_members_are_leapt_over() -> None:
    source, file = reader(bytes(10 * THROUGH), remote=True)
    for place in range(0, 10 * THROUGH, 2 * THROUGH):
        file.seek(place)
        file.allow()
        file.read(512)
    assert sorted(source.reads) == [LEAST_READ] * 4 + [MOST_READ] * 2


def test_behind_a_network_no_more_than_some_reads_are_in_flight() -> None:
    source, file = reader(bytes(100 << 20), remote=True)
    stream, lock, now, most = source.stream, threading.Lock(), 0, 0

    def slow(path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        yield from stream(path, offset, size, known)
        with lock:
            now -= 1

    source.stream = slow  # type: ignore[method-assign]
    for place in range(0, 100 << 20, 1 << 20):
        file.seek(place)
        file.allow()
        file.read(9)
    assert AHEAD // 2 <= most <= AHEAD


def test_a_reader_gives_no_more_than_is_allowed_until_it_is_said_again() -> None:
    _, file = reader(bytes(9_000), member_header=1_000)
    assert len(file.read(600) + file.read(400)) == 1_000
    with pytest.raises(TooLarge, match="too large: 1,001 bytes of a header"):
        file.read(1)
    file.allow()
    assert len(file.read(1_000)) == 1_000
    file.allow(1_500)
    assert len(file.read(1_500)) == 1_500
    file.allow(10)
    assert len(file.read(1_000)) == 1_000
    with pytest.raises(TooLarge):
        file.read(2)


class Bucket(Storage):
    """An object storage of one file, or of objects below it: it knows no folders."""

    def __init__(self, uri: str, files: dict[str, bytes]) -> None:
        self.uri = uri
        self.files = files

    def stat(self, path: str) -> Entry | None:
        return Entry(len(self.files[path]), "1", 0.0) if path in self.files else None

    def listdir(self, path: str) -> Folder:
        if self.uri == "s3://forbidden.zip":
            raise AccessError(self.uri, "must not be listed", "")
        folders, others = (
            (["img"], {}) if "img/" in self.files else ([], {"odd": "a pipe"} if "odd" in self.files else {})
        )
        return Folder(folders, {name: Entry(1, "1", 0.0) for name in self.files if name.endswith(".png")}, others)

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        yield self.files[path][offset : offset + size]


def test_a_bucket_or_folder_of_objects_that_is_called_like_an_archive_is_none() -> None:
    archive = make_zip([("a", b"content")])
    there = unpacked(Bucket("s3://bucket/x.ZIP", {"": archive}))
    assert there.read("a") == b"content"
    both = unpacked(Bucket("s3://bucket/x.zip", {"": archive, "more": b""}))
    assert both.read("a") == b"content"
    below = [Bucket("s3://bucket/x.zip", {name: b""}) for name in ("a.png", "img/", "odd")]
    for storage in (*below, Bucket("s3://forbidden.zip", {})):
        assert unpacked(storage) is storage
    assert unpacked(plain := Bucket("s3://bucket/x.png", {"": archive})) is plain
    missing = unpacked(Bucket("s3://bucket/x.zip", {}))
    with pytest.raises(NotFound, match="s3://bucket/x.zip: does not exist"):
        missing.listdir("")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_index_that_another_task_has_read_is_taken_over(tmp_path: Path, kind: str) -> None:
    files = [
        ("p/meta.json", b"{}"),
        ("p/ds/a \u00e9.png", os.urandom(3000)),
        ("p/ds/\udcff.png", b"x"),
        ("p/ds/b", b""),
    ]
    path = tmp_path / f"x.{kind}"
    if kind == "tar":
        path.write_bytes(make_tar(files))
    else:
        path.write_bytes(make_zip([one for one in files if "\udcff" not in one[0]]))
    first, second = (PackedStorage(CountedStorage(path)) for _ in range(2))
    index = first.index()
    assert index is not None
    second.use_index(index)
    assert [second.listdir(place) for place in ("", "ds")] == [first.listdir(place) for place in ("", "ds")]
    name = "ds/a \u00e9.png"
    assert second.read(name, first.stat(name)) == files[1][1]
    assert second._storage.reads == [("", second._storage.reads[0][1])]  # type: ignore[attr-defined]  # of the file alone
    path.write_bytes(path.read_bytes() + b"\0" * 512)
    with pytest.raises(StorageError, match="was changed after it was listed"):
        second.read(name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-3],
        lambda _: zlib.compress(b'[2,[1,"",0],[]]'),
        lambda _: zlib.compress(b"[]"),
    ],
)
def test_what_is_no_index_is_not_taken_over(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(make_zip([("meta.json", b"{}")]))
    storage = PackedStorage(CountedStorage(path))
    index = storage.index()
    assert index is not None
    with pytest.raises(ValueError, match="index"):
        PackedStorage(CountedStorage(path)).use_index(spoil(index))


class CountedStorage(FolderStorage):
    """The archive itself, at the path ""; notes what is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads: list[tuple[str, int]] = []

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        self.reads.append((path, size))
        return super().stream(path, offset, size, known)
