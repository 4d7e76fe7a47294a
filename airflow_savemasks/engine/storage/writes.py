"""Many files written at once by one who does not wait for each: a receipt of a few kB costs a round trip otherwise."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from airflow_savemasks.engine.storage.base import Entry, WritableStorage
from airflow_savemasks.engine.storage.in_flight import InFlight


class Writes:
    """Whole files on their way to a storage, in no order; each appears whole or not at all.

    At most 32 at once, with ROOM bytes (`in_flight.py`) in all: a larger file goes alone. The storage may hold them
    once more. The block of one ends when all files are there; where it raises, those that have begun have come to
    their end (after a stop: or were left alone).

    >>> with Writes(storage, stop) as writes:  # doctest: +SKIP
    ...     for path, receipt in receipts:
    ...         writes.put(path, [receipt])
    >>> writes.entries  # doctest: +SKIP
    """

    def __init__(self, storage: WritableStorage, stop: threading.Event) -> None:
        self._storage = storage
        self._flights = InFlight(stop.is_set)
        self._pending: dict[str, Future[Entry]] = {}
        self.entries: dict[str, Entry] = {}  # path -> what is there; filled by `put` and `wait`

    def put(self, path: str, pieces: Sequence[bytes]) -> Future[Entry]:
        """Begin to write a file of all pieces; one path stands for one file until `wait` has returned.

        Waits only for room. Raises StorageError of any file that was begun before, and Stopped.
        """
        self._collect()
        call = self._flights.begin(lambda: self._write(path, pieces), sum(map(len, pieces)))
        self._pending[path] = call
        return call

    def wait(self) -> None:
        """Until all files are there. Raises the first StorageError of them; Stopped instead of waiting any longer."""
        for path, call in list(self._pending.items()):
            self.entries[path] = self._flights.result(call)
            del self._pending[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._flights.settle(self._pending.values())

    def _write(self, path: str, pieces: Sequence[bytes]) -> Entry:
        with self._storage.writing(path) as out:
            out.writelines(pieces)
        return out.entry

    def _collect(self) -> None:
        for path, call in [(path, call) for path, call in self._pending.items() if call.done()]:
            self.entries[path] = call.result()
            del self._pending[path]
