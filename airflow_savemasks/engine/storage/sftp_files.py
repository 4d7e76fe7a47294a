"""Files and folders of an SFTP server, looked at, read and made by one session."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

from paramiko import SFTPAttributes, SFTPClient
from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, NO_UTF8, Entry, Folder
from airflow_savemasks.engine.storage.open_files import kind_of
from airflow_savemasks.engine.storage.sftp_sessions import lost

SMALL = 32 << 10  # bytes that one request reads
LONGEST_PART = 255  # bytes of a name


def entry_of(found: SFTPAttributes) -> Entry:
    """A file as it is listed."""
    return Entry(found.st_size or 0, f"{found.st_size}-{found.st_mtime}", float(found.st_mtime or 0))


def is_file(found: SFTPAttributes) -> bool:
    """Also where a server says nothing of what it is."""
    return found.st_mode is None or stat.S_ISREG(found.st_mode)


def list_folder(client: SFTPClient, name: str, obey: Callable[[], None]) -> Folder:
    """One level, links followed. Raises OSError, Stopped; what cannot be looked at concerns itself alone."""
    level = Folder([], {})
    for raw, found in _entries(client, name):
        obey()
        shown = raw.decode("utf-8", "backslashreplace")
        try:
            if found.st_mode is None or stat.S_ISLNK(found.st_mode):
                found = client.stat(name.encode() + b"/" + raw)  # paramiko takes both
        except FileNotFoundError:
            level.others[shown] = "a link to nowhere"
        except OSError as error:
            if lost(error):
                raise
            level.others[shown] = f"an entry that cannot be looked at ({error.strerror or error})"
        else:
            if shown.encode() != raw:
                level.others[shown] = NO_UTF8
            elif stat.S_ISDIR(found.st_mode or 0):
                level.folders.append(shown)
            elif is_file(found):
                level.files[shown] = entry_of(found)
            else:
                level.others[shown] = kind_of(found.st_mode or 0)
    return level


def read_file(
    client: SFTPClient,
    name: str,
    where: str,
    obey: Callable[[], None],
    part: tuple[int, int] | None = None,
    known: Entry | None = None,
) -> bytes:
    """A file, or a part of it (offset, size) as far as it is there; many requests on their way at once.

    Raises OSError; Changed where it is not the file `known`, or does not stay the same while it is read; StorageError
    for what is no regular file, which is never opened: opening a pipe would wait for its writer.
    """
    found = client.stat(name)
    if not is_file(found):
        raise StorageError(where, f"is {kind_of(found.st_mode or 0)}, not a file", "Correct the path")
    with client.open(name, "rb") as file:
        before = entry_of(file.stat())
        if known is not None and before.identity != known.identity:
            raise Changed(where)
        offset, size = part or (0, before.size)
        size = max(0, min(size, before.size - offset))
        pieces: list[bytes] = []
        if 0 < size <= SMALL:
            file.seek(offset)
            pieces.append(bytes(file.read(size)))
        elif size:
            ranges = [(offset + at, min(CHUNK, size - at)) for at in range(0, size, CHUNK)]
            for piece in file.readv(ranges):
                obey()
                pieces.append(piece)
        whole = known is not None or part is None
        if whole and (sum(map(len, pieces)) != size or entry_of(file.stat()).identity != before.identity):
            raise Changed(where)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def make_folders(client: SFTPClient, folder: str) -> None:
    """Like mkdir -p; somebody may do the same at this moment."""
    missing = []
    while folder:
        try:
            client.stat(folder)
            break
        except FileNotFoundError:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
    for path in reversed(missing):
        try:
            client.mkdir(path)
        except OSError:
            client.stat(path)


def in_the_way(client: SFTPClient, name: str) -> str | None:
    """Why no file can be written under an absolute path, in words, by what lies there and above it."""
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > LONGEST_PART:
        return f"a name of {longest} bytes, where {LONGEST_PART} can be stored"
    if "\0" in name:
        return "a NUL in the name"
    here = name
    while here:
        try:
            mode = client.stat(here).st_mode
        except FileNotFoundError:
            here = here.rpartition("/")[0]
            continue
        if here != name:
            folder = mode is None or stat.S_ISDIR(mode)
            return None if folder else f"{here} is {'a file' if stat.S_ISREG(mode or 0) else kind_of(mode or 0)}"
        return None if mode is None or stat.S_ISREG(mode) else f"{kind_of(mode)} of that name lies there"
    return None


def _entries(client: Any, name: str) -> list[tuple[bytes, SFTPAttributes]]:
    """What paramiko's `listdir_attr` gives, which fails for a whole folder where one name in it is no UTF-8."""
    _, answer = client._request(CMD_OPENDIR, name.encode())  # noqa: SLF001
    handle = answer.get_binary()
    entries: list[tuple[bytes, SFTPAttributes]] = []
    try:
        while True:
            try:
                _, answer = client._request(CMD_READDIR, handle)  # noqa: SLF001
            except EOFError:
                return entries
            for _ in range(answer.get_int()):
                file, _longname = answer.get_binary(), answer.get_binary()
                found = SFTPAttributes._from_msg(answer)  # noqa: SLF001
                if file not in {b".", b".."}:
                    entries.append((file, found))
    finally:
        client._request(CMD_CLOSE, handle)  # noqa: SLF001
