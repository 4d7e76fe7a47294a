"""The half of a folder as storage that reads: listing, looking, reading, and what its errors mean."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_savemasks.engine.errors import AccessError, Changed, NotFound, Stopped, StorageError
from airflow_savemasks.engine.storage import folder_names
from airflow_savemasks.engine.storage.base import CHUNK, NO_UTF8, Entry, Folder, ReadableStorage
from airflow_savemasks.engine.storage.folder_names import readable
from airflow_savemasks.engine.storage.open_files import entry_of, kind_of, open_regular, read_whole, unchanged

EXPORT_AGAIN = "Export again with reuse=False"


class FolderReader(ReadableStorage):
    """Files below one folder, to be read. confined: a link that leads out of the root is not followed but refused."""

    def __init__(self, root: Path, *, confined: bool = False) -> None:
        self.root = root
        self.uri = str(root)
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
            raise StorageError(self.locate(path), f"ends {size} bytes too early", EXPORT_AGAIN)

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
                level.others[name] = folder_names.LEADS_OUT
            elif stat.S_ISDIR(found.st_mode):
                level.folders.append(name)
            elif stat.S_ISREG(found.st_mode):
                level.files[name] = entry_of(found)
            else:
                level.others[name] = kind_of(found.st_mode)

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
                raise AccessError(self.locate(path), f"is reached through {folder_names.LEADS_OUT}", fix)

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


def _fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space (finished parts are kept and used by the next run), or choose another root"
    return "Look at the disk and the path, then run it again"
