"""SFTP. Files are written under a temporary name in their folder, then renamed over the final one.

Archives are assembled through this process. Modification times have a resolution of a second, and a file's identity
is its size and that time: what is written twice within a second, with one size, looks the same.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import paramiko
from paramiko import SFTPClient

from airflow_savemasks.engine.errors import NotFound
from airflow_savemasks.engine.storage.base import ClientFactory, Entry, Folder
from airflow_savemasks.engine.storage.remote import RemoteStorage, quietly, split_uri
from airflow_savemasks.engine.storage.retries import Failure, Kind, one_line
from airflow_savemasks.engine.storage.sftp_files import (
    entry_of,
    in_the_way,
    is_file,
    list_folder,
    read_file,
)
from airflow_savemasks.engine.storage.sftp_sessions import Sessions, lost
from airflow_savemasks.engine.storage.sftp_upload import SftpUpload
from airflow_savemasks.engine.storage.temporary import is_temporary, is_temporary_of

T = TypeVar("T")

ABANDONED = 3600.0  # seconds without a write after which a temporary file has no writer any more
TIMEOUT = 30.0  # seconds to connect


def open_uri(uri: str, client: ClientFactory | None) -> SftpStorage:
    """`sftp://[user@]host[:port]/absolute/path`; without a factory the SSH agent, ~/.ssh keys and known_hosts."""
    scheme, host, path = split_uri(uri, "host")
    return SftpStorage(scheme, host, path, client or (lambda: _connect(host)))


def _connect(host: str) -> SFTPClient:
    """Only to a host whose key is known."""
    parts = urlsplit(f"//{host}")
    ssh = paramiko.SSHClient()
    ssh.load_system_host_keys()
    ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
    password = unquote(parts.password) if parts.password else None
    ssh.connect(parts.hostname or "", parts.port or 22, parts.username, password, timeout=TIMEOUT)
    client = ssh.open_sftp()
    client.ssh = ssh  # the connection ends when nobody holds it
    return client


def explain(error: Exception) -> Failure:
    """What an exception of paramiko means."""
    fact = one_line(error)
    known_hosts = "Check the host's key, and add it to known_hosts or to the connection"
    if isinstance(error, paramiko.BadHostKeyException) or "not found in known_hosts" in fact:
        return Failure(Kind.ACCESS, fact, known_hosts)
    if isinstance(error, (paramiko.AuthenticationException, paramiko.PasswordRequiredException)):
        return Failure(Kind.ACCESS, fact)
    if isinstance(error, FileNotFoundError) or getattr(error, "errno", None) in {errno.ENOENT, errno.ENOTDIR}:
        return Failure(Kind.MISSING, fact)
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EACCES:
        return Failure(Kind.ACCESS, "no permission")
    if isinstance(error, socket.gaierror):
        return Failure(Kind.BROKEN, f"the host is unknown ({fact})", "Correct the host in the URI or the connection")
    if lost(error) or isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
        return Failure(Kind.PASSING, fact)
    full = "Look whether the server's disk is full (SFTP does not say), and whether the path may be written"
    return Failure(Kind.BROKEN, fact, full)


class SftpStorage(RemoteStorage):
    """Files below one absolute path. A file's identity is size and modification time."""

    def __init__(self, scheme: str, host: str, prefix: str, client: ClientFactory) -> None:
        super().__init__(scheme, host, prefix, client, explain)
        self._sessions = Sessions(client)
        self._replacing = threading.Lock()

    def listdir(self, path: str) -> Folder:
        found = self._found(path, lambda client: list_folder(client, self.key(path), self.obey))
        return found or Folder([], {})

    def stat(self, path: str) -> Entry | None:
        found = self._found(path, lambda client: client.stat(self.key(path)))
        return entry_of(found) if found is not None and is_file(found) else None

    def read(self, path: str, known: Entry | None = None) -> bytes:
        where = self.locate(path)
        return self.run(path, lambda client: read_file(client, self.key(path), where, self.obey, None, known))

    def obstacle(self, path: str) -> str | None:
        return super().obstacle(path) or self.run(path, lambda client: in_the_way(client, self.key(path)))

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """A file that is not there is made by one writer alone, as a server renames over nothing.

        To replace one, it is looked at right before the renaming: SFTP knows no condition for that. Of the threads of
        this storage one wins; another process that looks at the same moment is not seen.
        """
        with self._replacing:
            if self.stat(path) != known:
                return self.holds(path, content)
            upload = SftpUpload(self, path)
            try:
                written = upload.place_if(content, known)
            except NotFound:  # the temporary file is gone: renamed by an earlier try, whose answer was lost
                return self.holds(path, content)
            except BaseException:
                upload.abandon()
                raise
            if written is None:
                upload.abandon()
        return written or self.holds(path, content)

    def delete(self, paths: Iterable[str]) -> None:
        parents = set()
        for path in paths:
            self._remove(path)
            parents.add(path.rpartition("/")[0])
        for parent in sorted(parents - {""}, reverse=True):
            while parent and quietly(partial(self._remove_empty, parent)) is None:
                parent = parent.rpartition("/")[0]

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        """Removes temporary files that nobody has written to for an hour: a living writer cannot be asked."""
        wanted = {name.rpartition("/")[2] for name in names}
        old = time.time() - ABANDONED
        dead = []
        for place in {folder, *(name.rpartition("/")[0] for name in names)}:
            for name, entry in self.listdir(place).files.items():
                ours = is_temporary(name) if place == folder else is_temporary_of(name, wanted)
                if ours and entry.modified < old:
                    dead.append(f"{place}/{name}" if place else name)
        for path in dead:
            self._remove(path)
        return len(dead)

    def key(self, path: str) -> str:
        """The absolute path on the server."""
        return f"/{super().key(path)}"

    def run(self, path: str, work: Callable[[SFTPClient], T]) -> T:
        """Some work with a session; `path` is for messages."""

        def once() -> T:
            with self._sessions.borrow() as client:
                return work(client)

        return self._guard.call(self.locate(path), once)

    def clear(self, path: str, work: Callable[[SFTPClient], object]) -> None:
        """Clear away after an error, also after a stop."""

        def once() -> object:
            with self._sessions.borrow() as client:
                return work(client)

        self._guard.clear(self.locate(path), once)

    def _found(self, path: str, work: Callable[[SFTPClient], T]) -> T | None:
        def once() -> T:
            with self._sessions.borrow() as client:
                return work(client)

        return self._guard.found(self.locate(path), once)

    def _fetch(self, path: str, offset: int, size: int, known: Entry | None) -> bytes:
        where, part = self.locate(path), (offset, size)
        return self.run(path, lambda client: read_file(client, self.key(path), where, self.obey, part, known))

    def _begin(self, path: str) -> SftpUpload:
        return SftpUpload(self, path)

    def _remove(self, path: str) -> None:
        self._found(path, lambda client: client.remove(self.key(path)))

    def _remove_empty(self, path: str) -> None:
        with self._sessions.borrow() as client:
            client.rmdir(self.key(path))
