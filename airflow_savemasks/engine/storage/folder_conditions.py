"""Where several processes write into a folder at once: a file on a condition, a folder that comes and goes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.files_to_be import FileToBe
from airflow_savemasks.engine.storage.open_files import entry_of

T = TypeVar("T")

TRIES = 20  # to make a folder and something in it, while others remove the folder as it is empty
LOOK = 0.02  # seconds between two looks whether a folder is locked still
NO_LINKS = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV))


def made_in_folder(folder: Path, make: Callable[[], T]) -> T:
    """What `make` makes in a folder, which is made before, with those above it. Raises OSError."""
    for _ in range(TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # somebody has removed the empty folder: once more
            return make()
    return make()


def replace_if(file: FileToBe, temporary: Path, target: Path, known: Entry | None, obey: Callable[[], None]) -> bool:
    """Give a new file its name if what lies there is `known` (None: if nothing does); whether it was.

    file: all of it written. obey: called while others are waited for; may raise. Raises OSError.
    """
    with locked(target.parent, obey):
        if known is None and (made := _linked(temporary, target)) is not None:
            return made
        try:
            there: os.stat_result | None = target.stat()
        except FileNotFoundError:
            there = None
        if (there and entry_of(there)) != known:
            return False
        if there and os.fstat(file.fileno()).st_mtime_ns <= there.st_mtime_ns:  # within a tick: not to look the same
            os.utime(file.fileno(), ns=(there.st_atime_ns, there.st_mtime_ns + 1))
            file.note()
        obey()
        temporary.replace(target)
    return True


@contextlib.contextmanager
def locked(folder: Path, obey: Callable[[], None]) -> Iterator[None]:
    """Hold a folder for this process and thread alone; where the mount has no locks for folders, do without."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while not _has(descriptor):
            obey()
            time.sleep(LOOK)
        yield
    finally:
        os.close(descriptor)


def _has(descriptor: int) -> bool:
    """Whether the lock is ours now, or there are none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _linked(temporary: Path, target: Path) -> bool | None:
    """Give a file a name that nobody has; False where somebody has it, None where there are no hard links."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in NO_LINKS:
            return None
        raise
    return True
