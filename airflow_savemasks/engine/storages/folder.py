"""A folder of the local file system (or of a mounted one) as storage."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from airflow_savemasks.engine.errors import AccessError, Changed, NotFound, Stopped, StorageError
from airflow_savemasks.engine.storage import (
    CHUNK,
    NO_UTF8,
    WORK_FOLDER,
    ClientFactory,
    Entry,
    Folder,
    Piece,
    Range,
    Storage,
)
from airflow_savemasks.engine.storages import folder_names
from airflow_savemasks.engine.storages.folder_names import readable
from airflow_savemasks.engine.storages.open_files import (
    SteadyFile,
    copy_range,
    entry_of,
    has_locks,
    has_only_name,
    kind_of,
    lock,
    mark_as_written,
    open_regular,
    read_whole,
    sync,
    unchanged,
)
from airflow_savemasks.engine.storages.temporary import is_temporary, is_temporary_of, temporary_name

ABANDONED = 3600.0  # seconds without a write after which a temporary file has no writer, where there are no locks
AGAIN = "Export again with reuse=False"


def open_uri(uri: str, _client: ClientFactory | None, *, confined: bool = False) -> FolderStorage:
    """`file:///path` or a plain path, `~` expanded."""
    path = unquote(urlsplit(uri).path) if uri.lower().startswith("file://") else uri
    return FolderStorage(Path(path).expanduser().absolute(), confined=confined)


class FolderStorage(Storage):
    """Files below one folder. Writes go to a locked temporary name in the same folder and are then renamed.

    Published files are synced before that. Finished parts are not, which made an export twice as slow; they outlive a
    killed process, and a machine that lost its power is told by `epoch`. confined: a link that leads out of the root
    is not followed but refused, whether something is to be read, written or removed.
    """

    def __init__(self, root: Path, *, confined: bool = False) -> None:
        self.root = root
        self.uri = str(root)
        self.epoch = _boot()
        self._confined = confined
        self._stop = threading.Event()

    def watch(self, stop: threading.Event) -> None:
        self._stop = stop

    def locate(self, path: str) -> str:
        return str(self.root / path) if path else str(self.root)

    def listdir(self, path: str) -> Folder:
        level = Folder([], {})
        with self._errors(path, missing_ok=True):
            self._check(path)
            with os.scandir(self.root / path) as entries:
                found = (self.root / path).stat()
                level = Folder([], {}, {}, f"{found.st_dev}-{found.st_ino}")
                for entry in entries:
                    self._list(entry, level)
        return level

    def stat(self, path: str) -> Entry | None:
        found = None
        with self._errors(path, missing_ok=True):
            self._check(path)
            found = (self.root / path).stat()
        return entry_of(found) if found is not None and stat.S_ISREG(found.st_mode) else None

    def read(self, path: str, known: Entry | None = None) -> bytes:
        # no context manager and no pathlib where all is well: this runs twice for each item
        try:
            self._check(path)
            content = read_whole(f"{self.uri}/{path}", known)
        except OSError as error:
            with self._errors(path):
                raise error
            raise
        if content is None:
            raise Changed(self.locate(path))
        return content

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        with self._errors(path):
            self._check(path)
            file = os.fdopen(open_regular(str(self.root / path)), "rb")
        with self._errors(path), file:
            before = os.fstat(file.fileno())
            if known is not None and entry_of(before).identity != known.identity:
                raise Changed(self.locate(path))
            file.seek(offset)
            while size > 0 and (chunk := file.read(min(CHUNK, size))):
                self._obey()
                size -= len(chunk)
                yield chunk
            if known is not None and not unchanged(before, os.fstat(file.fileno())):
                raise Changed(self.locate(path))
        if size:
            raise StorageError(self.locate(path), f"ends {size} bytes too early", AGAIN)

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        target = self.root / path
        temporary = target.with_name(temporary_name(target.name))
        with self._errors(path):
            self._check(path, to_write=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            file = temporary.open("xb")
        try:
            with self._errors(path), file:
                mark_as_written(file)  # tells `sweep` that the writer lives
                yield cast("BinaryIO", file)
                file.flush()
                if not path.startswith(f"{WORK_FOLDER}/"):
                    sync(file, self._stop)  # what is published outlives the machine's power
                self._obey()
                temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @contextmanager
    def growing(self, path: str) -> Iterator[BinaryIO | None]:
        """A file of the work folder, made if it is not there, open to be written on; it stays when the block raises.

        None if another process has it open so, if it is linked as a published file, or where there are no locks. What
        is written goes to the disk bit by bit, so that there is little to sync in the end.
        """
        target = self.root / path
        with self._errors(path):
            self._check(path, to_write=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.fdopen(os.open(target, flags, 0o666), "r+b", buffering=0)
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
                self._check(path, to_write=True)
                (self.root / path).unlink()
            parents.add(path.rpartition("/")[0])
        for parent in sorted(parents - {""}, reverse=True):
            self._remove_empty(parent)

    def sweep(self, folder: str, names: Iterable[str]) -> int:
        removed = 0
        wanted = [name.rpartition("/")[2] for name in names]
        for place in {folder, *(name.rpartition("/")[0] for name in names)}:
            for name in self.listdir(place).files:
                ours = is_temporary(name) if place == folder else is_temporary_of(name, wanted)
                if ours and self._remove_if_dead(self.root / place / name):
                    removed += 1
        return removed

    def obstacle(self, path: str) -> str | None:
        return folder_names.obstacle(self.root, path, confined=self._confined)

    def _list(self, entry: os.DirEntry[str], level: Folder) -> None:
        """Sort one entry of a folder in. What cannot be looked at concerns itself alone."""
        self._obey()
        name = readable(entry.name)
        try:
            found = entry.stat()
        except FileNotFoundError:
            link = entry.is_symlink()
            level.others[name] = "a link to nowhere" if link else "a file that went away while its folder was listed"
        except OSError as error:
            level.others[name] = f"an entry that cannot be looked at ({error.strerror})"
        else:
            if name != entry.name:
                level.others[name] = NO_UTF8
            elif self._confined and entry.is_symlink() and not folder_names.is_inside(self.root, Path(entry.path)):
                level.others[name] = folder_names.OUT
            elif stat.S_ISDIR(found.st_mode):
                level.folders.append(name)
            elif stat.S_ISREG(found.st_mode):
                level.files[name] = entry_of(found)
            else:
                level.others[name] = kind_of(found.st_mode)

    def _append(self, out: BinaryIO, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._obey()
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
        temporary = target.with_name(temporary_name(target.name))
        with self._errors(path):
            self._check(path, to_write=True)
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
            sync(file, self._stop)
            self._obey()
            temporary.replace(target)
        except BaseException:
            os.truncate(file.fileno(), size)  # the next try finds the work file as it was
            raise

    def _copy(self, piece: Range, target: int) -> None:
        with self._errors(piece.path):
            self._check(piece.path)
            source = open_regular(str(self.root / piece.path))
            try:
                left = piece.size - copy_range(source, target, piece.offset, piece.size, self._obey)
            finally:
                os.close(source)
        if left:
            raise StorageError(self.locate(piece.path), f"ends {left} bytes too early", AGAIN)

    def _remove_if_dead(self, temporary: Path) -> bool:
        try:
            with temporary.open("rb") as file:
                old = time.time() - os.fstat(file.fileno()).st_mtime > ABANDONED
                if not lock(file) and (has_locks(file) or not old):
                    return False
                temporary.unlink(missing_ok=True)
        except FileNotFoundError:
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

    def _obey(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _check(self, path: str, *, to_write: bool = False) -> None:
        """Raises Stopped; AccessError where a confined root would be left. to_write: the folder counts, not a link."""
        self._obey()
        if self._confined:
            place = self.root / path
            if not folder_names.is_inside(self.root, place.parent if to_write else place):
                fix = f"Remove the link, or put what it leads to below {self.root}"
                raise AccessError(self.locate(path), f"is reached through {folder_names.OUT}", fix)

    @contextmanager
    def _errors(self, path: str, *, missing_ok: bool = False) -> Iterator[None]:
        """OSError -> an error of ours with the place."""
        where = readable(self.locate(path))
        try:
            yield
        except FileNotFoundError as error:
            if not missing_ok:
                raise NotFound(where, "does not exist", "Correct the path or put the file there") from error
        except NotADirectoryError as error:
            raise StorageError(where, "a part of the path is a file, not a folder", "Correct the path") from error
        except PermissionError as error:
            fix = "Give the account that runs the export the right to it"
            raise AccessError(where, f"no permission ({error.strerror})", fix) from error
        except OSError as error:
            raise StorageError(where, f"{error.strerror or error}", _fix(error)) from error


def _boot() -> str:
    """Names the time since this machine's start; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:16]
    except OSError:
        return ""


def _fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space (finished parts are kept and used by the next run), or choose another root"
    return "Look at the disk and the path, then run it again"
