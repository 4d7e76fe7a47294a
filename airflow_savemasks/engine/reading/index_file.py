"""The index of an open archive: any line by its number or by its item's name, without a million objects in memory."""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from airflow_savemasks.engine.archive.index import IndexLine, check_raw, parse_line
from airflow_savemasks.engine.archive.published import Published
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.base import Entry, ReadableStorage
from airflow_savemasks.engine.storage.in_flight import InFlight

PIECE = 8 << 20  # bytes of one read
AHEAD = 6  # reads on their way at once behind a network, where one connection is slower than all of them
EXPORT_AGAIN = "Export it again with reuse=False"


class IndexFile:
    """Lies in a temporary file that has no name, mapped into memory: processes forked from this one share it."""

    def __init__(self, storage: ReadableStorage, published: Published) -> None:
        """Read and check it. Raises ArchiveError where it is not what the manifest vouches for, StorageError."""
        index = published.index
        self._where = storage.locate(index.file)
        self._sizes = [size for size, _ in published.volumes.values()]
        self._starts = array("Q", [0])
        self._numbers: dict[str, int] | None = None
        running = sha256()
        with tempfile.TemporaryFile(prefix="savemasks-index-") as file:
            at = 0
            for piece in _pieces(storage, index.file, Entry(index.size, index.identity, 0.0)):
                running.update(piece)
                file.write(piece)
                ends = np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")) + (at + 1)
                self._starts.frombytes(ends.astype(np.uint64).tobytes())
                at += len(piece)
            if self._starts[-1] < at:
                self._starts.append(at)
            file.flush()
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if index.size else b""
        if running.hexdigest() != index.sha256:
            raise ArchiveError(self._where, "is not the index that the manifest was written for", EXPORT_AGAIN)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def line(self, number: int) -> IndexLine:
        """The line of an item, by its number from 0 on. Raises ArchiveError where it is damaged."""
        try:
            line = parse_line(self._raw(number))
        except ValueError as error:
            raise self._damaged(number, error) from error
        if not self._has(line):
            raise self._damaged(number, "it names bytes that are none of its volume")
        return line

    def _has(self, line: IndexLine) -> bool:
        """Whether an item and its files lie where the archive has bytes."""
        if line.volume >= len(self._sizes) or line.offset + line.size > self._sizes[line.volume]:
            return False
        return all(one.offset + one.size <= line.size for one in line.members)

    def _damaged(self, number: int, error: ValueError | str) -> ArchiveError:
        return ArchiveError(self._where, f"line {number + 1} is damaged ({error})", EXPORT_AGAIN)

    def number(self, name: str) -> int | None:
        """The number of an item by its folder and name in the archive; None if there is none."""
        if self._numbers is None:
            self._numbers = {raw["item"]: number for number, raw in enumerate(self.raw())}
        return self._numbers.get(name)

    def raw(self) -> Iterator[dict[str, Any]]:
        """All lines as parsed JSON, checked as far as `check_raw` does. Raises ArchiveError where one is damaged."""
        for number in range(len(self)):
            try:
                yield check_raw(orjson.loads(self._raw(number)))
            except ValueError as error:
                raise self._damaged(number, error) from error

    def _raw(self, number: int) -> bytes:
        return bytes(self._lines[self._starts[number] : self._starts[number + 1]])


def _pieces(storage: ReadableStorage, path: str, known: Entry) -> Iterator[bytes]:
    """A file in its order, AHEAD * PIECE bytes of it in memory at most. Raises what `stream` raises."""
    if not storage.remote:
        yield from storage.stream(path, 0, known.size, known)
        return
    flights = InFlight()
    begun: deque[Future[bytes]] = deque()
    for at in range(0, known.size, PIECE):
        begun.append(flights.begin(partial(_range, storage, path, at, known), PIECE))
        if len(begun) == AHEAD:
            yield begun.popleft().result()
    for call in begun:
        yield call.result()


def _range(storage: ReadableStorage, path: str, at: int, known: Entry) -> bytes:
    return b"".join(storage.stream(path, at, min(PIECE, known.size - at), known))
