"""What a platform or a mount may lack is done without, and a file is only what it was when it was listed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import Changed, NotFound, StorageError
from airflow_savemasks.engine.storage import open_files
from airflow_savemasks.engine.storage.base import Entry, Range
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.open_files import has_locks, has_only_name, lock, mark_as_written
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.storage.temporary import is_temporary_of, temporary_name
from tests.engine.samples import make_project, run

LACKING = ["copy_file_range", "sched_getaffinity"]


def refuse(number: int) -> Any:
    def work(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return work


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=6)


@pytest.mark.parametrize("how", ["missing", "ENOSYS", "EXDEV", "EINVAL", "EOPNOTSUPP", "no locks"])
def test_the_archive_is_the_same_where_the_system_lacks_things(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    wanted = Path(run(project, tmp_path / "wanted")["archive"]).read_bytes()
    if how == "missing":
        for name in LACKING:
            monkeypatch.delattr(os, name, raising=False)
        monkeypatch.setattr(open_files, "_sync_file_range", None)
    elif how == "no locks":
        monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    else:
        monkeypatch.setattr(os, "copy_file_range", refuse(getattr(errno, how)))
    for _ in range(2):
        assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
        (project / "ds0/img/0001.png").touch()
    assert not (tmp_path / "out/.parts").exists()


@pytest.mark.parametrize("inside", [True, False])
def test_a_range_is_copied_from_its_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    monkeypatch.setattr(open_files, "COPIED", 1000)
    if not inside:
        monkeypatch.setattr(os, "copy_file_range", refuse(errno.ENOSYS))
    content = os.urandom(10_000)
    (tmp_path / "x").write_bytes(content)
    storage = open_storage(str(tmp_path))
    storage.compose("y", [b"<", Range("x", 1234, 5678), b"|", Range("x", 0, 1), Range("x", 9_999, 1), b">"])
    assert (tmp_path / "y").read_bytes() == b"<" + content[1234:6912] + b"|" + content[:1] + content[-1:] + b">"
    with pytest.raises(StorageError, match="ends 3 bytes too early"):
        storage.compose("z", [Range("x", 9_000, 1_003)])


def test_another_error_while_copying_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"content")
    monkeypatch.setattr(os, "copy_file_range", refuse(errno.EIO))
    with pytest.raises(StorageError, match="Input/output error"):
        open_storage(str(tmp_path)).compose("y", [Range("x", 0, 7)])


@pytest.mark.parametrize("age", [0, 7200])
def test_without_locks_the_age_of_a_temporary_file_tells_whether_its_writer_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: int
) -> None:
    path = tmp_path / temporary_name("a.tar")
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age, time.time() - age))
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOTSUP))
    assert FolderStorage(tmp_path).remove_abandoned("", ["a.tar"]) == (1 if age else 0)


def test_only_temporary_files_of_the_archive_itself_are_swept_beside_it(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        (tmp_path / temporary_name(name)).write_bytes(b"half")
    assert FolderStorage(tmp_path).remove_abandoned(".parts/a", ["a.tar"]) == 1
    (left,) = tmp_path.iterdir()
    assert is_temporary_of(left.name, ["b.tar"])


def test_reading_says_whether_it_read_the_file_that_was_listed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    storage = open_storage(str(tmp_path))
    known = storage.listdir("").files["x"]
    assert storage.read("x", known) == storage.read("x") == b"content"
    assert b"".join(storage.stream("x", 3, 4, known)) == b"tent"
    os.utime(tmp_path / "x", ns=(1, 1))
    for work in (lambda: storage.read("x", known), lambda: list(storage.stream("x", 0, 7, known))):
        with pytest.raises(Changed, match="was changed after it was listed"):
            work()
    assert storage.read("x") == b"content"
    with pytest.raises(Changed):
        storage.read("x", Entry(8, "8-1", 0.0))
    with pytest.raises(NotFound, match="does not exist"):
        storage.read("y", known)


@pytest.mark.parametrize("change", ["longer", "shorter", "same size"])
def test_a_file_that_changes_while_it_is_read_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (tmp_path / "x").write_bytes(b"content")
    storage = open_storage(str(tmp_path))
    known = storage.listdir("").files["x"]
    read = os.read

    def busy(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        new = {"longer": b"content and more", "shorter": b"con", "same size": b"CONTENT"}[change]
        (tmp_path / "x").write_bytes(new)
        os.utime(tmp_path / "x", ns=(2, 2))
        return data

    monkeypatch.setattr(os, "read", busy)
    with pytest.raises(Changed):
        storage.read("x", known)


def test_an_entry_that_goes_away_while_its_folder_is_listed_concerns_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        (tmp_path / f"{number}.png").touch()
    listed = FolderStorage._list

    def late(self: FolderStorage, entry: os.DirEntry[str], level: Any) -> None:
        if entry.name == "4.png":
            (tmp_path / "4.png").unlink()
        listed(self, entry, level)

    monkeypatch.setattr(FolderStorage, "_list", late)
    level = open_storage(str(tmp_path)).listdir("")
    assert len(level.files) == 8
    assert level.others == {"4.png": "a file that went away while its folder was listed"}


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    storage = open_storage(str(tmp_path))
    assert storage.listdir("").others == {"x": "a pipe"}
    assert storage.stat("x") is None
    with pytest.raises(StorageError, match="a pipe, not a file"):
        storage.read("x")
    with pytest.raises(StorageError, match="a pipe, not a file"):
        list(storage.stream("x", 0, 1))


@pytest.mark.parametrize(
    ("mode", "words"),
    [(stat.S_IFDIR, "a folder"), (stat.S_IFIFO, "a pipe"), (stat.S_IFSOCK, "a socket"), (stat.S_IFCHR, "a device"),
     (stat.S_IFBLK, "a device"), (0, "no regular file")],
)  # fmt: skip
def test_what_is_no_file_has_a_name(mode: int, words: str) -> None:
    assert open_files.kind_of(mode) == words


def test_a_file_that_is_synced_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.write(b"x")
        file.flush()
        open_files.sync(file, threading.Event())
    with (
        pytest.raises(OSError, match="disk"),
        (tmp_path / "x").open("rb") as file,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "disk")))
        open_files.sync(file, threading.Event())


def test_a_lock_is_of_one_at_a_time_and_looking_whether_there_are_locks_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with path.open("rb") as one, path.open("rb") as two:
        assert has_locks(one)
        assert lock(two)
        assert not lock(one)
        assert has_locks(one)
    with path.open("rb") as one, path.open("rb") as two:
        mark_as_written(one)
        assert not lock(two)
        mark_as_written(two)  # no error: somebody else has it


def test_a_file_has_only_its_name(tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "y"
    path.write_bytes(b"x")
    other.write_bytes(b"x")
    with path.open("rb") as file:
        assert has_only_name(file, path)
        assert not has_only_name(file, other)
        assert not has_only_name(file, tmp_path / "none")
        os.link(path, tmp_path / "second")
        assert not has_only_name(file, path)
