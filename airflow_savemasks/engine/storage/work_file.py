"""Work files: bytes that have no places to read from, written once to a file without a name, which goes with its last
reader. Bounded by a limit, and by the room on the disk.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.limits import Limits, above
from airflow_savemasks.engine.storage.base import CHUNK, Entry

ROOM, SHARE = 1 << 30, 20  # what stays free: this many bytes, or this part of a smaller disk
LOOK = 64 << 20  # bytes written between two looks at the disk


@dataclass(frozen=True, slots=True)
class Bound:
    """How much may be written. name: of the limit; done: what is done with it, for messages ("unpacked")."""

    uri: str
    limits: Limits
    name: str
    done: str

    def check(self, size: int) -> None:
        """Raises StorageError where `size` bytes are above the limit."""
        if size > getattr(self.limits, self.name):
            raise StorageError(self.uri, *above(self.name, size, self.limits))

    def check_room(self, wanted: int = 0) -> None:
        """Raises StorageError where the disk has no room for `wanted` bytes more; says how many are missing."""
        folder = tempfile.gettempdir()
        disk = shutil.disk_usage(folder)
        missing = wanted + min(ROOM, disk.total // SHARE) - disk.free
        if missing > 0:
            fact = f"cannot be {self.done}: at least {missing:,} bytes are missing on the disk of {folder}"
            raise StorageError(self.uri, fact, "Free some space, set TMPDIR to a larger disk, or unpack it beforehand")


class WorkFile:
    """Bytes on this machine's disk. Reads may run in parallel."""

    def __init__(self, file: Any, size: int, obey: Callable[[], None]) -> None:
        self._file = file
        self._obey = obey
        self.size = size

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:  # noqa: ARG002
        while size > 0 and (chunk := os.pread(self._file.fileno(), min(CHUNK, size), offset)):
            self._obey()
            offset, size = offset + len(chunk), size - len(chunk)
            yield chunk


def write_work_file(pieces: Iterable[bytes], bound: Bound, obey: Callable[[], None]) -> WorkFile:
    """All pieces as a work file; none is left where this raises.

    Raises StorageError where they are too large, or the disk too small; what `obey` and the pieces raise passes.
    """
    with _disk_errors(bound.uri):
        file = tempfile.TemporaryFile(prefix="savemasks-")  # noqa: SIM115 - it lives as long as what reads it
    try:
        size = looked = 0
        for piece in pieces:
            obey()
            size += len(piece)
            bound.check(size)
            with _disk_errors(bound.uri):
                file.write(piece)
                if size - looked > LOOK:
                    file.flush()
                    looked = size
                    bound.check_room()
        with _disk_errors(bound.uri):
            file.flush()
    except BaseException:
        with suppress(OSError):  # a full disk: the bytes that wait are tried once more, and are not wanted any more
            file.close()
        raise
    return WorkFile(file, size, obey)


@contextmanager
def _disk_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(uri, "the disk for its work file is full", "Set TMPDIR to a larger disk") from error
        raise StorageError(uri, f"{error.strerror or error}", "Look at the disk for temporary files") from error
