"""What a folder does when it is told to stop, when links lead out of it, and with what others left in it."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import Changed, Stopped, StorageError
from airflow_savemasks.engine.storage import files_to_be, folder_compose, open_files
from airflow_savemasks.engine.storage.base import Range, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.temporary import temporary_name


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    (tmp_path / "root/d").mkdir(parents=True)
    (tmp_path / "root/d/x").write_bytes(b"content")
    return FolderStorage(tmp_path / "root")


def left_behind(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.name.endswith(".tmp")]


def write(storage: Storage, path: str, content: bytes = b"new") -> None:
    with storage.writing(path) as out:
        out.write(content)


WORKS: dict[str, Callable[[Storage], Any]] = {
    "listdir": lambda storage: storage.listdir("d"),
    "stat": lambda storage: storage.stat("d/x"),
    "read": lambda storage: storage.read("d/x"),
    "stream": lambda storage: list(storage.stream("d/x", 0, 1)),
    "writing": lambda storage: write(storage, "d/y"),
    "growing": lambda storage: storage.growing("d/y").__enter__(),
    "compose": lambda storage: storage.compose("d/y", [b"x", Range("d/x", 0, 7)]),
    "delete": lambda storage: storage.delete(["d/x"]),
    "sweep": lambda storage: storage.remove_abandoned("d", []),
}


@pytest.mark.parametrize("work", WORKS)
def test_a_stop_is_obeyed_by_everything_and_changes_nothing(storage: FolderStorage, work: str) -> None:
    stop = threading.Event()
    storage.watch(stop)
    stop.set()
    with pytest.raises(Stopped):
        WORKS[work](storage)
    assert [path.name for path in (storage.root / "d").iterdir()] == ["x"]
    storage.watch(threading.Event())
    WORKS[work](storage)


def test_a_stop_while_a_file_is_written_leaves_what_was_there(storage: FolderStorage) -> None:
    stop = threading.Event()
    storage.watch(stop)
    for path in ("d/x", ".parts/a/x"):
        write(storage, path, b"before")
        with pytest.raises(Stopped), storage.writing(path) as out:
            out.write(b"half")
            stop.set()
        stop.clear()
        assert storage.read(path) == b"before"
    with pytest.raises(KeyError), storage.writing("d/x"):
        for path in (storage.root / "d").glob("*.tmp"):
            path.unlink()  # somebody cleaned up; what went wrong is told all the same
        raise KeyError
    with pytest.raises(Stopped):
        storage.compose("d/x", _stopping(stop))
    stop.clear()
    assert storage.read("d/x") == b"before"
    assert left_behind(storage.root) == []


def _stopping(stop: threading.Event) -> Any:
    class Pieces(list[Any]):
        def __iter__(self) -> Any:
            yield b"half"
            stop.set()
            yield b"whole"

    return Pieces([b"half", b"whole"])


def test_a_stop_between_linking_and_publishing_leaves_the_work_file_as_it_was(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(storage, ".parts/a/x.growing", b"parts")
    stop = threading.Event()
    storage.watch(stop)
    sync = folder_compose.sync

    def and_stop(*words: Any) -> None:
        sync(*words)
        stop.set()

    monkeypatch.setattr(folder_compose, "sync", and_stop)
    with pytest.raises(Stopped):
        storage.compose("d/x", [Range(".parts/a/x.growing", 0, 5), b" and end"])
    stop.clear()
    assert storage.read("d/x") == b"content"
    assert storage.read(".parts/a/x.growing") == b"parts"
    assert left_behind(storage.root) == []


def test_what_is_published_is_on_the_disk_and_parts_are_not_waited_for(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), sync(file))[1])
    write(storage, ".parts/a/x", b"12345")
    assert synced == []
    write(storage, "d/y", b"123")
    assert synced == [3]
    storage.compose("d/z", [b"1234", Range("d/x", 0, 7)])
    assert synced == [3, 11]
    storage.compose("d/z", [Range(".parts/a/x", 0, 5), b"6"])
    assert synced == [3, 11, 6]


@pytest.mark.parametrize(
    ("first", "linked"),
    [
        (Range(".parts/a/x", 0, 7), True),
        (Range(".parts/a/x", 0, 6), False),
        (Range(".parts/a/x", 1, 6), False),
        (Range("d/x", 0, 7), False),
    ],
)
def test_only_a_whole_work_file_becomes_the_archive_uncopied(
    storage: FolderStorage, first: Range, linked: bool
) -> None:
    write(storage, ".parts/a/x", b"content")
    inode = (storage.root / ".parts/a/x").stat().st_ino
    storage.compose("d/new", [first, b"|", Range("d/x", 0, 3)])
    assert ((storage.root / "d/new").stat().st_ino == inode) is linked
    assert storage.read("d/new") == b"content"[first.offset : first.offset + first.size] + b"|con"
    assert storage.read("d/x") == b"content"
    assert storage.compose("empty", []) == storage.stat("empty")
    assert storage.read("empty") == b""


@pytest.mark.parametrize("path", ["d/new", ".parts/a/new"])
def test_a_write_says_what_the_new_name_shows_whoever_writes_next(storage: FolderStorage, path: str) -> None:
    with storage.writing(path) as out:
        out.write(b"mine")
    seen = storage.stat(path)
    assert (out.entry, out.entry.modified) == (seen, seen.modified)
    write(storage, path, b"them")
    assert out.entry != storage.stat(path)
    write(storage, ".parts/a/x", b"content")
    for pieces in ([Range(".parts/a/x", 0, 7), b"|"], [Range("d/x", 0, 7)], [b"only bytes"], []):
        entry = storage.compose(path, pieces)
        assert entry == storage.stat(path)
        assert entry.size == len(storage.read(path, entry))


@pytest.mark.parametrize("source", ["d/x", ".parts/a/x"])
def test_a_range_of_another_file_than_the_known_one_is_not_composed(storage: FolderStorage, source: str) -> None:
    write(storage, source, b"content")
    known = storage.stat(source)
    storage.compose("d/new", [Range(source, 0, 7, known), Range(source, 1, 2, known)])
    assert storage.read("d/new") == b"contenton"
    write(storage, source, b"CONTENT")
    for pieces in ([Range(source, 0, 7, known)], [b"x", Range(source, 1, 2, known)]):
        with pytest.raises(Changed, match="was changed"):
            storage.compose("d/new", pieces)
    assert storage.read("d/new") == b"contenton"
    assert left_behind(storage.root) == []


def test_a_file_that_is_written_to_while_it_is_copied_is_not_composed(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder_compose.copy_range

    def copy(*words: Any) -> int:
        done = real(*words)
        (storage.root / "d/x").write_bytes(b"CONTENT")
        return done

    monkeypatch.setattr(folder_compose, "copy_range", copy)
    with pytest.raises(Changed):
        storage.compose("d/new", [Range("d/x", 0, 7, storage.stat("d/x")), b"more"])
    assert storage.stat("d/new") is None


def test_a_whole_published_file_gets_a_second_name_and_is_not_copied(storage: FolderStorage) -> None:
    known = storage.stat("d/x")
    made = storage.compose("other/y", [Range("d/x", 0, 7, known)])
    assert made == storage.stat("other/y") == known
    assert (storage.root / "other/y").samefile(storage.root / "d/x")
    assert storage.compose("d/x", [Range("d/x", 0, 7, known)]) == known
    write(storage, "d/x", b"CONTENT")
    assert storage.read("other/y") == b"content"
    with pytest.raises(Changed):
        storage.compose("other/z", [Range("d/x", 0, 7, known)])
    assert left_behind(storage.root) == []
    assert storage.stat("other/z") is None


@pytest.mark.parametrize("kind", ["a part of it", "unknown", "a work file", "a link", "no hard links"])
def test_what_is_not_just_a_published_file_is_copied(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = ".parts/a/x" if kind == "a work file" else "d/x"
    write(storage, path, b"content")
    if kind == "a link":
        (storage.root / "link").symlink_to(storage.root / "d/x")
        path = "link"
    if kind == "no hard links":
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError("not here")))
    known = None if kind == "unknown" else storage.stat(path)
    size = 6 if kind == "a part of it" else 7
    storage.compose("new", [Range(path, 0, size, known)])
    assert storage.read("new") == b"content"[:size]
    assert not (storage.root / "new").is_symlink()
    assert kind == "a work file" or not (storage.root / "new").samefile(storage.root / path)
    assert left_behind(storage.root) == []


def test_a_work_file_that_is_published_already_is_copied_and_not_written_on(storage: FolderStorage) -> None:
    write(storage, ".parts/a/x", b"content")
    storage.compose("one", [Range(".parts/a/x", 0, 7)])
    storage.compose("two", [Range(".parts/a/x", 0, 7), b" and more"])
    assert (storage.read("one"), storage.read("two")) == (b"content", b"content and more")


def test_files_are_removed_with_the_folders_that_they_leave_empty(storage: FolderStorage) -> None:
    for path in ("a/b/c/1", "a/b/2", "e/3", "4"):
        write(storage, path)
    storage.delete(["a/b/c/1", "a/b/c/none", "none/at/all", "4"])
    assert sorted(path.name for path in storage.root.iterdir()) == ["a", "d", "e"]
    assert [path.name for path in (storage.root / "a/b").iterdir()] == ["2"]
    storage.delete(["a/b/2", "e/3", "d/x"])
    assert list(storage.root.iterdir()) == []


def test_a_file_of_the_work_folder_grows_with_the_rights_of_any_new_file(storage: FolderStorage) -> None:
    old = os.umask(0o022)
    try:
        with storage.growing(".parts/a/x") as out:
            assert out is not None
            out.write(b"12345")
            out.seek(2)
            out.truncate()
            assert out.tell() == 2
    finally:
        os.umask(old)
    assert (storage.root / ".parts/a/x").stat().st_mode & 0o777 == 0o644
    assert storage.read(".parts/a/x") == b"12"
    with pytest.raises(KeyError), storage.growing(".parts/a/x") as out:
        assert out is not None
        out.seek(2)
        out.write(b"345")
        raise KeyError
    assert storage.read(".parts/a/x") == b"12345"
    (storage.root / ".parts/a/link").symlink_to(storage.root / "d/x")
    with pytest.raises(StorageError), storage.growing(".parts/a/link"):
        pass
    os.link(storage.root / "d/x", storage.root / ".parts/a/second name")
    with storage.growing(".parts/a/second name") as out:
        assert out is None


def test_writing_goes_on_until_all_is_written_and_asks_the_system_to_write_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_to_be, "STEADY", 1000)
    asked: list[tuple[int, int]] = []

    def ask(_: int, at: ctypes.c_int64, size: ctypes.c_int64, flags: int) -> None:
        assert flags == open_files.SYNC_FILE_RANGE_WRITE
        asked.append((at.value, size.value))

    monkeypatch.setattr(open_files, "_sync_file_range", ask)
    with (tmp_path / "x").open("wb", buffering=0) as raw:
        file = files_to_be.SteadyFile(raw)
        for size in (999, 1, 1500, 10):
            assert file.write(b"x" * size) == size
        assert asked == [(0, 1000), (1000, 1500)]
        assert file.seek(5000) == file.tell() == 5000
        file.write(b"y" * 1000)
        assert asked[2:] == [(5000, 1000)]
    assert (tmp_path / "x").stat().st_size == 6000


def test_only_temporary_files_are_swept_and_only_those_of_the_archive_outside_of_its_folder(
    storage: FolderStorage,
) -> None:
    write(storage, ".parts/a/part.tar")
    names = [temporary_name("any"), temporary_name("a.tar")]
    for place in (".parts/a", "d"):
        for name in names:
            (storage.root / place / name).write_bytes(b"half")
    assert storage.remove_abandoned(".parts/a", ["d/a.tar", "d/a.index.jsonl"]) == 3
    assert storage.remove_abandoned(".parts/a", ["d/a.tar"]) == 0
    assert not storage._remove_if_dead(storage.root / "d" / names[1])  # somebody else was faster
    assert sorted(storage.listdir("d").files) == sorted([names[0], "x"])
    assert list(storage.listdir(".parts/a").files) == ["part.tar"]


def test_a_large_copy_is_written_out_while_it_goes_on_and_each_byte_once(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.storage.folder_compose.COPIED", 1000)
    monkeypatch.setattr("airflow_savemasks.engine.storage.folder_compose.STEADY", 1500)
    asked: list[tuple[int, int]] = []
    module = "airflow_savemasks.engine.storage.folder_compose"
    monkeypatch.setattr(f"{module}.begin_to_write_out", lambda _, start, end: asked.append((start, end)))
    content = bytes(range(250)) * 20
    write(storage, "d/big", content)
    entry = storage.compose("a.tar", [b"head", Range("d/big", 10, 3990), b"middle", Range("d/big", 0, 600)])
    assert storage.read("a.tar") == b"head" + content[10:4000] + b"middle" + content[:600]
    assert entry == storage.stat("a.tar")
    assert asked == [(0, 2004), (2004, 3994)]


def test_what_is_replaced_is_let_go_of_and_who_reads_it_reads_on(storage: FolderStorage) -> None:
    write(storage, "a.tar", b"old")
    with (storage.root / "a.tar").open("rb") as reader:
        write(storage, "a.tar", b"new")
        assert reader.read() == b"old"
    assert storage.read("a.tar") == b"new"
    for thread in threading.enumerate():
        if thread.name == "savemasks-old":
            thread.join(10)
    held = [link.resolve().name for link in Path("/proc/self/fd").iterdir()]
    assert not any("deleted" in name and "a.tar" in name for name in held)
