"""A folder of the local file system (or of a mounted one) as storage."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.storage import (
    CHUNK,
    WORK_FOLDER,
    ClientFactory,
    Entry,
    Folder,
    Piece,
    Range,
    Storage,
    is_of,
)
from airflow_savemasks.engine.storages.open_files import SteadyFile, has_only_name, lock

TEMPORARY = ".tmp"  # of names that are not whole yet: ".<name>.<random>.tmp"


def open_uri(uri: str, _client: ClientFactory | None) -> FolderStorage:
    """`file:///path` or a plain path, `~` expanded."""
    path = unquote(urlsplit(uri).path) if uri.lower().startswith("file://") else uri
    return FolderStorage(Path(path).expanduser().absolute())


class FolderStorage(Storage):
    """Files below one folder. Writes go to a locked temporary name in the same folder and are then renamed.

    Published files are synced before that. Finished parts are not, which made an export twice as slow; they outlive a
    killed process, and a machine that lost its power is told by `epoch`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uri = str(root)
        self.epoch = _boot()

    def locate(self, path: str) -> str:
        return str(self.root / path) if path else str(self.root)

    def listdir(self, path: str) -> Folder:
        folders, files = [], {}
        with self._errors(path, missing_ok=True), os.scandir(self.root / path) as entries:
            for entry in entries:
                found = entry.stat()
                if stat.S_ISDIR(found.st_mode):
                    folders.append(entry.name)
                else:
                    files[entry.name] = _entry(found)
        return Folder(folders, files)

    def stat(self, path: str) -> Entry | None:
        found = None
        with self._errors(path, missing_ok=True):
            found = (self.root / path).stat()
        return None if found is None or stat.S_ISDIR(found.st_mode) else _entry(found)

    def read(self, path: str) -> bytes:
        # no context manager and no pathlib: this runs twice for each item
        try:
            with open(f"{self.uri}/{path}", "rb", buffering=0) as file:  # noqa: PTH123
                return file.read()
        except OSError as error:
            with self._errors(path):
                raise error
        raise AssertionError

    def stream(self, path: str, offset: int, size: int) -> Iterator[bytes]:
        with self._errors(path), (self.root / path).open("rb") as file:
            file.seek(offset)
            while size > 0 and (chunk := file.read(min(CHUNK, size))):
                size -= len(chunk)
                yield chunk
        if size:
            raise StorageError(self.locate(path), f"ends {size} bytes too early", "Export again with reuse=False")

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        target = self.root / path
        temporary = target.with_name(f".{target.name}.{uuid4().hex}{TEMPORARY}")
        with self._errors(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("xb")
        try:
            with self._errors(path), file:
                fcntl.flock(file, fcntl.LOCK_EX)  # tells `sweep` that the writer lives
                yield cast("BinaryIO", file)
                file.flush()
                if not path.startswith(f"{WORK_FOLDER}/"):
                    os.fsync(file.fileno())  # what is published outlives the machine's power
                temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @contextmanager
    def growing(self, path: str) -> Iterator[BinaryIO | None]:
        """A file of the work folder, made if it is not there, open to be written on; it stays when the block raises.

        None if another process has it open so, or if it is linked as a published file. What is written goes to the disk
        bit by bit, so that there is little to sync in the end.
        """
        target = self.root / path
        with self._errors(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            file = os.fdopen(os.open(target, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        with self._errors(path), file:
            mine = lock(file) and has_only_name(file, target)
            yield cast("BinaryIO", SteadyFile(file)) if mine else None

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:
        first = pieces[0] if pieces else None
        if isinstance(first, Range) and self._is_work_file(first) and self._adopt(path, first, pieces[1:]):
            return
        with self.writing(path) as out:
            self._append(out, pieces)

    def delete(self, paths: Iterable[str]) -> None:
        parents = set()
        for path in paths:
            with self._errors(path, missing_ok=True):
                (self.root / path).unlink()
            parents.add(path.rpartition("/")[0])
        for parent in sorted(parents - {""}, reverse=True):
            self._remove_empty(parent)

    def sweep(self, folder: str, names: Iterable[str]) -> int:
        removed = 0
        wanted = {name.rpartition("/")[2] for name in names}
        for place in {folder, *(name.rpartition("/")[0] for name in names)}:
            for name in self.listdir(place).files:
                if name.startswith(".") and name.endswith(TEMPORARY):
                    original = name[1:].rsplit(".", 2)[0]
                    if (place == folder or is_of(original, wanted)) and self._remove_if_dead(self.root / place / name):
                        removed += 1
        return removed

    def _append(self, out: BinaryIO, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                out.write(piece)
            else:
                out.flush()
                self._copy(piece, out.fileno())

    def _is_work_file(self, piece: Range) -> bool:
        """Whether a range is a whole file of the work folder."""
        entry = self.stat(piece.path) if piece.path.startswith(f"{WORK_FOLDER}/") and not piece.offset else None
        return entry is not None and entry.size == piece.size

    def _adopt(self, path: str, first: Range, rest: Sequence[Piece]) -> bool:
        """Publish a work file under another name, the rest written behind it, without copying it.

        False where the file system has no hard links, or where somebody else writes or publishes the work file: then
        it is copied instead. The work file stays until it is deleted, and is never written again.
        """
        target = self.root / path
        temporary = target.with_name(f".{target.name}.{uuid4().hex}{TEMPORARY}")
        try:
            os.link(self.root / first.path, temporary)
        except OSError:
            return False  # it is copied instead, and tells what is wrong if that fails too
        try:
            with self._errors(path), temporary.open("r+b") as file:
                seen = os.fstat(file.fileno())
                if not lock(file) or seen.st_nlink != 2 or os.fstat(file.fileno()).st_size != first.size:
                    return False
                self._publish(file, first.size, rest, temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def _publish(self, file: BinaryIO, size: int, rest: Sequence[Piece], temporary: Path, target: Path) -> None:
        try:
            file.seek(size)
            self._append(file, rest)
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            os.truncate(file.fileno(), size)  # the next try finds the work file as it was
            raise

    def _copy(self, piece: Range, target: int) -> None:
        """Copy inside the kernel; shares blocks where the file system can."""
        with self._errors(piece.path), (self.root / piece.path).open("rb") as source:
            offset, left = piece.offset, piece.size
            while left:
                try:
                    copied = os.copy_file_range(source.fileno(), target, left, offset)
                except OSError as error:
                    if error.errno not in _NO_COPY_RANGE:
                        raise
                    copied = os.sendfile(target, source.fileno(), offset, left)
                if not copied:
                    raise StorageError(
                        self.locate(piece.path), f"ends {left} bytes too early", "Export again with reuse=False"
                    )
                offset, left = offset + copied, left - copied

    def _remove_if_dead(self, temporary: Path) -> bool:
        try:
            with temporary.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temporary.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            return False
        return True

    def _remove_empty(self, path: str) -> None:
        """Remove a folder that has become empty, and its parents, up to the root."""
        while path:
            try:
                (self.root / path).rmdir()
            except OSError:
                return  # not empty, or in use: it stays
            path = path.rpartition("/")[0]

    @contextmanager
    def _errors(self, path: str, *, missing_ok: bool = False) -> Iterator[None]:
        """OSError -> an error of ours with the place."""
        where = self.locate(path)
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            if not missing_ok:
                raise StorageError(where, "does not exist", "Correct the path or put the file there") from error
        except PermissionError as error:
            fix = "Give the account that runs the export the right to it"
            raise AccessError(where, f"no permission ({error.strerror})", fix) from error
        except OSError as error:
            raise StorageError(where, f"{error.strerror or error}", _fix(error)) from error


_NO_COPY_RANGE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def _boot() -> str:
    """Names the time since this machine's start; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:16]
    except OSError:
        return ""


def _entry(found: os.stat_result) -> Entry:
    return Entry(found.st_size, f"{found.st_size}-{found.st_mtime_ns}", found.st_mtime)


def _fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space (finished parts are kept and used by the next run), or choose another root"
    return "Look at the disk and the path, then run it again"
