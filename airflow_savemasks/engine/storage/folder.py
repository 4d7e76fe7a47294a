"""A folder of the local file system (or of a mounted one) as storage."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit

from airflow_savemasks.engine.storage import folder_names
from airflow_savemasks.engine.storage.base import WORK_FOLDER, ClientFactory, Entry, NewFile, Storage
from airflow_savemasks.engine.storage.files_to_be import FileToBe, SteadyFile
from airflow_savemasks.engine.storage.folder_compose import FolderComposer
from airflow_savemasks.engine.storage.folder_conditions import made_in_folder, replace_if
from airflow_savemasks.engine.storage.open_files import (
    has_locks,
    has_only_name,
    lock,
    mark_as_written,
    replace_file,
    sync,
)
from airflow_savemasks.engine.storage.temporary import is_temporary, is_temporary_of, temporary_name

ABANDONED = 3600.0  # seconds without a write after which a temporary file has no writer, where there are no locks


def open_uri(uri: str, _client: ClientFactory | None, *, confined: bool = False) -> FolderStorage:
    """`file:///path` or a plain path, `~` expanded."""
    path = unquote(urlsplit(uri).path) if uri.lower().startswith("file://") else uri
    return FolderStorage(folder_names.path_of(path).absolute(), confined=confined)


class FolderStorage(FolderComposer, Storage):
    """Files below one folder. Writes go to a locked temporary name in the same folder and are then renamed.

    Published files are synced before that. Finished parts are not, which made an export twice as slow; they outlive a
    killed process, and a machine that lost its power is told by `boot_id`. confined: a link that leads out of the root
    is not followed but refused, whether something is to be read, written or removed.
    """

    grows = True

    def __init__(self, root: Path, *, confined: bool = False) -> None:
        super().__init__(root, confined=confined)
        self.boot_id = boot()

    @contextmanager
    def writing(self, path: str) -> Iterator[NewFile]:
        with self._in_the_making(path) as (file, temporary):
            yield cast("NewFile", file)
            self._finish(path, file)
            replace_file(temporary, self.root / path)

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """Of the processes of this machine one wins: their folder is locked while the file is looked at and replaced.

        On a mount without locks that holds for a new file (link(2)); a known one is looked at right before it is
        replaced.
        """
        if self.stat(path) != known:
            return self.holds(path, content)  # no folder is made for nothing
        with self._in_the_making(path) as (file, temporary):
            file.write(content)
            self._finish(path, file)
            if replace_if(file, temporary, self.root / path, known, self._obey):
                return file.entry
        return self.holds(path, content)

    @contextmanager
    def _in_the_making(self, path: str) -> Iterator[tuple[FileToBe, Path]]:
        """A new file under a temporary name beside its own, which is gone at the end unless it was renamed."""
        target = self.root / path
        temporary = target.with_name(temporary_name(target.name))
        with self._errors(path):
            self._check(path, to_write=True)
            file = made_in_folder(target.parent, lambda: FileToBe(temporary, partial(self._errors, path)))
        try:
            with self._errors(path), file:
                mark_as_written(file)  # tells `remove_abandoned` that the writer lives
                yield file, temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _finish(self, path: str, file: FileToBe) -> None:
        """All that is to be done before a new file gets its name."""
        file.flush()
        if not path.startswith(f"{WORK_FOLDER}/"):
            sync(file, self._stop)  # what is published outlives the machine's power
        self._obey()
        file.note()

    @contextmanager
    def growing(self, path: str) -> Iterator[BinaryIO | None]:
        """A file of the work folder, made if it is not there, open to be written on; it stays when the block raises.

        None if another process has it open so, if it is linked as a published file, or where there are no locks. What
        is written goes to the disk bit by bit, so that there is little to sync in the end.
        """
        target = self.root / path
        with self._errors(path):
            self._check(path, to_write=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = made_in_folder(target.parent, lambda: os.open(target, flags, 0o666))
            file = os.fdopen(descriptor, "r+b", buffering=0)
        with self._errors(path), file:
            mine = lock(file) and has_only_name(file, target)
            yield cast("BinaryIO", SteadyFile(file, partial(self._errors, path))) if mine else None

    def remove_growing(self, path: str) -> None:
        with self._errors(path, missing_ok=True):
            self._check(path, to_write=True)
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                if not lock(file):
                    return
                self.delete([path])

    def delete(self, paths: Iterable[str]) -> None:
        parents = set()
        for path in paths:
            with self._errors(path, missing_ok=True):
                self._check(path, to_write=True)
                (self.root / path).unlink()
            parents.add(path.rpartition("/")[0])
        for parent in sorted(parents - {""}, reverse=True):
            self._remove_empty(parent)

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
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


def boot() -> str:
    """Names the time since this machine's start; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:16]
    except OSError:
        return ""
