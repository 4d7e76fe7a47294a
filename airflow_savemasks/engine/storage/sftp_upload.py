"""One new file on an SFTP server, written under a temporary name in its folder, then renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramiko import SFTPClient

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.remote import quietly
from airflow_savemasks.engine.storage.sftp_files import entry_of, make_folders
from airflow_savemasks.engine.storage.temporary import temporary_name

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.sftp import SftpStorage


class SftpUpload:
    """One new file. Each block is written by itself, so that it can be written again after the connection was lost."""

    in_order = True  # a server may take a file with a hole in it for a shorter one

    def __init__(self, owner: SftpStorage, path: str) -> None:
        self._owner = owner
        self._path = path
        self._target = owner.key(path)
        folder, _, name = self._target.rpartition("/")
        self._folder = folder
        self._temporary = f"{folder}/{temporary_name(name)}"
        self._size = 0
        self._entry: Entry | None = None
        owner.run(path, self._create)

    def block(self, number: int, data: bytes) -> None:  # noqa: ARG002 - they come in order
        self._owner.run(self._path, lambda client: self._write(client, data))
        self._size += len(data)

    def finish(self, last: bytes) -> Entry:
        if last:
            self.block(0, last)
        return self._owner.run(self._path, self._publish)

    def abandon(self) -> None:
        quietly(lambda: self._owner.clear(self._path, lambda client: client.remove(self._temporary)))

    def obey(self) -> None:
        self._owner.obey()

    def _create(self, client: SFTPClient) -> None:
        make_folders(client, self._folder)
        client.open(self._temporary, "wb").close()

    def _write(self, client: SFTPClient, data: bytes) -> None:
        with client.open(self._temporary, "r+b") as file:
            file.seek(self._size)
            file.set_pipelined(True)  # no round trip for each 32 KiB
            file.write(data[:-1])
            file.set_pipelined(False)  # the last write waits for all answers, and raises what went wrong
            file.write(data[-1:])

    def place_if(self, content: bytes, known: Entry | None) -> Entry | None:
        """The file, written in place of `known` (None: of none); None where something else lies there."""
        self.block(0, content)
        return self._owner.run(self._path, lambda client: self._place(client, known))

    def _place(self, client: SFTPClient, known: Entry | None) -> Entry | None:
        """A server renames over nothing (its protocol forbids it), unless it is asked to, which needs a look first."""
        entry = self._looked_at(client)
        if known is not None:
            if self._there(client) != known:
                return None
            if entry.size == known.size and entry.modified <= known.modified:  # within a second: not to look the same
                second = int(known.modified) + 1
                client.utime(self._temporary, (second, second))
                entry = self._looked_at(client)
            self.obey()
            client.posix_rename(self._temporary, self._target)
            return entry
        self.obey()
        try:
            client.rename(self._temporary, self._target)
        except OSError:
            if self._there(client) is None:
                raise
            return None
        return entry

    def _there(self, client: SFTPClient) -> Entry | None:
        try:
            return entry_of(client.stat(self._target))
        except FileNotFoundError:
            return None

    def _publish(self, client: SFTPClient) -> Entry:
        """Renaming changes neither size nor time, so the file is looked at while its name is ours alone."""
        try:
            entry = self._looked_at(client)
        except FileNotFoundError:
            if self._entry is not None:
                return self._entry  # the answer to an earlier try was lost
            raise
        self.obey()
        self._entry = entry
        client.posix_rename(self._temporary, self._target)
        return entry

    def _looked_at(self, client: SFTPClient) -> Entry:
        """The file before it gets its name. Raises StorageError where not all of it has arrived."""
        entry = entry_of(client.stat(self._temporary))
        if entry.size != self._size:
            where, fact = self._owner.locate(self._path), f"{entry.size} of {self._size} bytes arrived"
            raise StorageError(where, fact, "Look at the server's disk")
        return entry
