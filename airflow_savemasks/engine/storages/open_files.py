"""What the folder does with files that stay open while they grow: locks, and a steady way to the disk."""

from __future__ import annotations

import fcntl
import os
from io import FileIO
from pathlib import Path
from typing import IO

STEADY = 8 << 20  # bytes after which the system is asked to write them out


class SteadyFile:
    """An unbuffered file that has the system begin to write out what it got, every STEADY bytes."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._begun = 0

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        at = self._file.tell()
        if at - self._begun >= STEADY:
            os.posix_fadvise(self._file.fileno(), self._begun, at - self._begun, os.POSIX_FADV_DONTNEED)
            self._begun = at
        return len(data)

    def seek(self, offset: int) -> int:
        self._begun = offset
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self) -> int:
        return self._file.truncate()


def lock(file: IO[bytes]) -> bool:
    """Lock a file for this process alone, if nobody else has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def has_only_name(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has this name, and no other: it may have been published and deleted meanwhile."""
    own = os.fstat(file.fileno())
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return own.st_nlink == 1 and (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)
