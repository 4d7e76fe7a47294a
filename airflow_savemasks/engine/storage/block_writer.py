"""What is written to a storage behind a network, cut into blocks that are sent while the next ones are made."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.in_flight import InFlight

BLOCK = 16 << 20  # bytes gathered before they are sent
AHEAD = 2  # blocks of a file on their way where one has to come after the other


class Upload(Protocol):
    """A file in the making. Nobody sees it before `finish` has returned; after a stop only `abandon` does anything.

    in_order: whether a block must have arrived before the next one is sent.
    """

    in_order: bool

    def block(self, number: int, data: bytes) -> None:
        """The block of a number, from 0 on. Comes from several threads at once, unless `in_order`."""

    def finish(self, last: bytes) -> Entry:
        """The rest, less than a block, after all blocks; the file appears, as the answer says."""

    def abandon(self) -> None:
        """Remove what was sent, also after a stop. Raises nothing: it follows an error that matters more."""

    def obey(self) -> None:
        """Raises Stopped once that was asked for."""


class BlockWriter(io.RawIOBase):
    """Cuts what is written into blocks for an upload. Closing it, or forgetting it, publishes nothing.

    Blocks are in flight together with those of all other files of the storage, so that a writer waits only where they
    hold ROOM (`in_flight.py`) or more; beside that a file holds the block that it gathers. entry: as `NewFile` has it.
    """

    entry: Entry

    def __init__(self, upload: Upload, flights: InFlight) -> None:
        super().__init__()
        self._upload = upload
        self._flights = flights
        self._calls: deque[Future[None]] = deque()
        self._waiting: list[bytes] = []
        self._gathered = self._sent = self._count = 0

    def write(self, data: Any) -> int:
        """Takes all of it. Raises StorageError, also that of a block which was taken before."""
        self._collect(None)
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            self._upload.obey()
            taken = view[at : at + BLOCK - self._gathered]
            whole = isinstance(data, bytes) and len(taken) == len(data)
            self._waiting.append(data if whole else bytes(taken))
            self._gathered += len(taken)
            at += len(taken)
            if self._gathered == BLOCK:
                self._send(self._take())
        return len(view)

    def finish(self) -> None:
        """Publish the file, once all of it has arrived. Raises StorageError, Stopped."""
        self._upload.obey()
        self._collect(0)
        last = self._take()
        self.entry = self._flights.result(self._flights.begin(partial(self._upload.finish, last), len(last)))

    def abandon(self) -> None:
        """Remove what was sent. Where nobody asked to stop, this waits for what is on its way."""
        self._flights.settle(self._calls)
        self._flights.clear(self._upload.abandon)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + self._gathered

    def _take(self) -> bytes:
        data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting, self._gathered, self._sent = [], 0, self._sent + len(data)
        return data

    def _send(self, data: bytes) -> None:
        self._collect(AHEAD - 1 if self._upload.in_order else None)
        before = self._calls[-1] if self._upload.in_order and self._calls else None
        self._calls.append(self._flights.begin(partial(self._one, self._count, data, before), len(data)))
        self._count += 1

    def _one(self, number: int, data: bytes, before: Future[None] | None) -> None:
        if before is not None:
            self._flights.result(before)  # its error is this one's
        self._upload.block(number, data)

    def _collect(self, most: int | None) -> None:
        """Forget calls that have ended well. Raises what another one raised. most: wait until no more are pending."""
        for call in [call for call in self._calls if call.done()]:
            call.result()
            self._calls.remove(call)
        while most is not None and len(self._calls) > most:
            self._flights.result(self._calls[0])
            self._calls.popleft()
