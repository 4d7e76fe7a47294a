"""Files of a folder while they are written: from the start on by one, or at places by several threads at once."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from io import FileIO
from pathlib import Path

from airflow_savemasks.engine.storage.base import Buffer, Entry
from airflow_savemasks.engine.storage.open_files import STEADY, begin_to_write_out, entry_of

PIECES = 1024  # most that one call of the system takes (IOV_MAX)
Errors = Callable[[], AbstractContextManager[None]]  # makes an error of ours of an OSError


class SteadyFile:
    """An unbuffered file that has the system begin to write out what it got, every STEADY bytes.

    errors: goes around what other threads write, so that their errors say where.
    """

    def __init__(self, file: FileIO, errors: Errors = nullcontext) -> None:
        self._file = file
        self._errors = errors
        self._begun = 0
        self._beginning = threading.Lock()

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        self._begin_to_write_out(self._file.tell())
        return len(data)

    def write_at(self, pieces: Sequence[Buffer], offset: int) -> None:
        with self._errors():
            self._begin_to_write_out(write_at(self._file.fileno(), pieces, offset))

    def seek(self, offset: int) -> int:
        self._begun = offset
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self) -> int:
        return self._file.truncate()

    def _begin_to_write_out(self, end: int) -> None:
        """What others have still to write before `end` goes to the disk with the sync."""
        with self._beginning:
            begun = self._begun
            if end - begun < STEADY:
                return
            self._begun = end
        begin_to_write_out(self._file.fileno(), begun, end)


class FileToBe(io.BufferedWriter):
    """A new file, written under a name of its own. entry: as `NewFile` has it, noted before it gets its final name.

    errors: as for SteadyFile.
    """

    entry: Entry

    def __init__(self, path: Path, errors: Errors = nullcontext) -> None:
        """Raises OSError, also where something lies there already."""
        super().__init__(FileIO(path, "x"))
        self._errors = errors

    def write_at(self, pieces: Sequence[Buffer], offset: int) -> None:
        with self._errors():
            write_at(self.fileno(), pieces, offset)

    def note(self) -> None:
        """Take down what has been written; renaming changes neither size nor time."""
        self.entry = entry_of(os.fstat(self.fileno()))


def write_at(target: int, pieces: Sequence[Buffer], offset: int) -> int:
    """Write pieces one after the other from a place in an open file on; returns where they end. Raises OSError."""
    at = offset
    for first in range(0, len(pieces), PIECES):
        some = pieces[first : first + PIECES]
        end = at + sum(map(len, some))
        at += os.pwritev(target, some, at) if hasattr(os, "pwritev") else 0
        if at < end:  # a large write may come to its end in several
            left = memoryview(b"".join(some))[at - end :]
            while left:
                written = os.pwrite(target, left, at)
                at, left = at + written, left[written:]
    return at
