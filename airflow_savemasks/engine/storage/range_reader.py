"""An archive to seek in, behind reads of ranges."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from airflow_savemasks.engine.limits import Limits, TooLarge, above
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.in_flight import InFlight

LEAST_READ, MOST_READ = 64 << 10, 4 << 20  # bytes of one read
AHEAD = 8  # reads of MOST_READ in flight where a network is between
THROUGH = 8 << 20  # bytes to the next header up to which it is faster to read what is between than to wait for it


class Readable(Protocol):
    """What has the bytes of an archive: a storage with it at the path "", or a work file."""

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        """As a Storage has it."""


class RangeReader(io.RawIOBase):
    """What tarfile, or whoever reads a zip, reads from.

    Reads are small, and grow while one follows the other. remote: whether a network is between; then the next ones are
    begun ahead, and what lies between two headers is read along: waiting for each of them takes longer. allow: how many
    bytes may be asked for until it is said again; a reader of archives takes headers into memory whole, of whatever
    size they say to be.
    """

    def __init__(self, source: Readable, archive: Entry, limits: Limits, *, remote: bool = False) -> None:
        super().__init__()
        self._source = source
        self._archive = archive
        self._limits = limits
        self.size = archive.size
        self._at = self._start = 0
        self._held = b""
        self._step = LEAST_READ
        self._left = limits.member_header
        self._window = 1
        self._flights = InFlight() if remote else None  # the source obeys a stop
        self._begun: deque[tuple[int, Future[bytes]]] = deque()  # places and bytes of what follows `_held`

    def allow(self, least: int = 0) -> None:
        """What comes is another member's header, or something of up to `least` bytes."""
        self._left = max(self._limits.member_header, least)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.size - self._at)
        asked = left if size < 0 else size
        self._left -= asked
        if self._left < 0:
            found = self._limits.member_header - self._left
            raise TooLarge(*above("member_header", found, self._limits))
        size = min(asked, left)
        end = self._start + len(self._held)
        if size and not self._start <= self._at <= self._at + size <= end:
            self._hold(size, end)
        at = self._at - self._start
        data = self._held[at : at + size]
        self._at += size
        return data

    def _hold(self, size: int, end: int) -> None:
        """Get at least `size` bytes from here on. end: of what is held."""
        if self._flights and self._start <= self._at < end + THROUGH:
            self._hold_ahead(size, end)
            return
        self._begun.clear()
        self._window = 1
        self._step = min(self._step * 2, MOST_READ) if 0 <= self._at - end < self._step else LEAST_READ
        self._held = self._range(self._at, max(size, self._step))
        self._start = self._at

    def _hold_ahead(self, size: int, end: int) -> None:
        """The same, of reads that follow each other and were begun before."""
        pieces = [self._held[self._at - self._start :]]
        count = len(pieces[0])
        while count < size:
            place, data = self._next(end)
            end = place + len(data)
            pieces.append(data[max(0, self._at - place) :])  # nothing of what lies before the place that is wanted
            count += len(pieces[-1])
        self._held, self._start = b"".join(pieces), self._at

    def _next(self, end: int) -> tuple[int, bytes]:
        """Place and bytes of the next read; more are in flight the longer they follow each other."""
        assert self._flights is not None
        self._window = min(AHEAD, 2 * self._window)
        place = self._begun[-1][0] + MOST_READ if self._begun else end
        while len(self._begun) < self._window and place < self.size:
            self._begun.append((place, self._flights.begin(partial(self._range, place, MOST_READ), MOST_READ)))
            place += MOST_READ
        place, call = self._begun.popleft()
        return place, call.result()

    def _range(self, place: int, size: int) -> bytes:
        return b"".join(self._source.stream("", place, min(size, self.size - place), self._archive))
