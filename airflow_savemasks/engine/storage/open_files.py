"""What the folder does with open files: read one whole, lock it, write it out steadily, copy and sync it.

Everything that a platform or a mount may lack (locks, copy_file_range, sync_file_range) is done without where it is not
there. What may take long looks at an event between its pieces, so that a stop is obeyed within a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.storage.base import Entry

STEADY = 8 << 20  # bytes after which the system is asked to write them out
COPIED = 32 << 20  # bytes copied at a time
LOOK = 0.1  # seconds between two looks at a stop while a file is synced
SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)  # Linux alone has it
NO_COPY_RANGE = frozenset((errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF))


def begin_to_write_out(descriptor: int, start: int, end: int) -> None:
    """Have the system begin to write bytes to the disk, so that there is little to wait for when the file is synced.

    They stay in memory for whoever reads them next, which `posix_fadvise` would not leave them.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, ctypes.c_int64(start), ctypes.c_int64(end - start), SYNC_FILE_RANGE_WRITE)


def entry_of(found: os.stat_result) -> Entry:
    """A file as the folder lists it: its identity is size and modification time."""
    return Entry(found.st_size, f"{found.st_size}-{found.st_mtime_ns}", found.st_mtime)


def kind_of(mode: int) -> str:
    """What something is that is no regular file, in words."""
    for is_kind, words in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_kind(mode):
            return words
    return "no regular file"


def open_regular(path: str) -> int:
    """A descriptor to read a file. Raises OSError; for what is no regular file without waiting for it (a pipe)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"is {kind_of(mode)}, not a file")
    return descriptor


def read_whole(path: str, known: Entry | None) -> bytes | None:
    """The bytes of a file; None where they are not those of the file `known`, or changed while they were read.

    Takes at most a byte more than the file had when it was opened. Raises OSError.
    """
    descriptor = open_regular(path)
    try:
        before = os.fstat(descriptor)
        if known is not None and entry_of(before).identity != known.identity:
            return None
        pieces = []
        left = before.st_size + 1
        while left and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
        same = left == 1 and unchanged(before, os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return (pieces[0] if len(pieces) == 1 else b"".join(pieces)) if same else None


def unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file was left alone between two looks at it."""
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def lock(file: IO[bytes]) -> bool:
    """Lock a file for this process alone; False if somebody else has it, or where there are no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the mount has no locks: then nobody can be sure to be alone
        return False
    return True


def mark_as_written(file: IO[bytes]) -> None:
    """Lock a new file, so that others see that its writer lives; where there are no locks, its age has to tell."""
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def has_locks(file: IO[bytes]) -> bool:
    """Whether locks work for a file, whoever holds one."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
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


def copy_range(source: int, target: int, offset: int, size: int, check: Callable[[], None]) -> int:
    """Copy bytes from a place in one open file to the current place in another; returns how many came.

    Inside the kernel where that goes, which shares blocks where the file system can. check is called between pieces.
    """
    inside = hasattr(os, "copy_file_range")
    done = 0
    while done < size:
        check()
        wanted = min(COPIED, size - done)
        if inside:
            try:
                copied = os.copy_file_range(source, target, wanted, offset + done)
            except OSError as error:
                if error.errno not in NO_COPY_RANGE:
                    raise
                inside = False
                continue
        else:
            copied = _write_all(target, os.pread(source, min(wanted, STEADY), offset + done))
        if not copied:
            break
        done += copied
    return done


def replace_file(temporary: Path, target: Path) -> None:
    """Give a new file its name. The one that had it is let go of behind the caller's back: that takes a quarter of a
    second for a gigabyte. Raises OSError.
    """
    try:
        old = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # there is none, or it may be replaced and not read
        temporary.replace(target)
        return
    try:
        temporary.replace(target)
    finally:
        threading.Thread(target=os.close, args=(old,), name="savemasks-old", daemon=True).start()


def sync(file: IO[bytes], stop: threading.Event) -> None:
    """Have a file written to the disk. Raises Stopped without waiting for the end of it, OSError."""
    failed: list[OSError] = []
    copy = os.dup(file.fileno())

    def work() -> None:
        try:
            os.fsync(copy)
        except OSError as error:
            failed.append(error)
        finally:
            os.close(copy)

    thread = threading.Thread(target=work, name="savemasks-sync", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK)
        if stop.is_set():
            raise Stopped
    if failed:
        raise failed[0]


def _write_all(target: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]
    return len(data)
