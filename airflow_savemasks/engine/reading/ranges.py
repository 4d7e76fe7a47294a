"""Ranges of an archive's volumes, in whatever process they are asked for, some of them ahead."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.archive.published import Published
from airflow_savemasks.engine.errors import ArchiveError, Changed, NotFound
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.engine.storage.in_flight import InFlight

Opening = Callable[[], Storage]


class Ranges:
    """Each process opens the storage for itself: connections do not outlive a fork."""

    def __init__(self, opening: Opening, storage: Storage, published: Published) -> None:
        self._opening = opening
        self._storages = {os.getpid(): storage}
        self._volumes = [(file, Entry(size, identity, 0.0)) for file, (size, identity) in published.volumes.items()]
        self._flights = {os.getpid(): InFlight()}

    @property
    def remote(self) -> bool:
        """Whether a range is worth being asked for ahead."""
        return self._storage().remote

    def read(self, volume: int, offset: int, size: int) -> bytes:
        """Raises ArchiveError where the archive is another one than was opened, StorageError."""
        storage = self._storage()
        try:
            file, known = self._volumes[volume]
        except IndexError:
            raise ArchiveError(storage.uri, f"has no volume {volume}", "Export it again with reuse=False") from None
        try:
            return b"".join(storage.stream(file, offset, size, known))
        except (Changed, NotFound) as error:
            raise ArchiveError(storage.locate(file), "was replaced after it was opened", "Open it again") from error

    def beside(self, file: File) -> bytes:
        """A file that lies beside the archive. Raises as `read` does."""
        storage = self._storage()
        try:
            return storage.read(file.file, Entry(file.size, file.identity, 0.0))
        except (Changed, NotFound) as error:
            where = storage.locate(file.file)
            raise ArchiveError(where, "was replaced after it was opened", "Open it again") from error

    def begin(self, volume: int, offset: int, size: int) -> Future[bytes]:
        """Have a range read meanwhile."""
        flights = self._flights.setdefault(os.getpid(), InFlight())
        return flights.begin(partial(self.read, volume, offset, size), size)

    def _storage(self) -> Storage:
        pid = os.getpid()
        if pid not in self._storages:
            self._storages = {pid: self._opening()}
        return self._storages[pid]
