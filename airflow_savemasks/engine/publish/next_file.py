"""A file of the archive that is going to be published, while it is written to the work folder."""

from __future__ import annotations

from contextlib import ExitStack
from hashlib import sha256
from types import TracebackType
from typing import Self

from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.storage.base import Entry, Piece, Range, Storage

HELD = 4 << 20  # bytes of a file that are held behind a network, so that they need not be read to be written again


def next_index(dst: str) -> str:
    """Where the index lies."""
    return f"{folder_of(dst)}/next.index.jsonl"


class NextFile:
    """Takes lines; `finish`, in its block, has the file appear. Nothing of it stays where the block raises before.

    size, sha256: of what it has been given.
    """

    def __init__(self, team_files: Storage, path: str) -> None:
        self._team_files, self.path = team_files, path
        self._stack = ExitStack()
        self._held: list[bytes] = []
        self._most = HELD if team_files.remote else 0  # a folder gives the file another name
        self._hash = sha256()
        self.size = 0
        self._entry: Entry | None = None

    def __enter__(self) -> Self:
        self._out = self._stack.enter_context(self._team_files.writing(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)  # does nothing any more once it is finished

    def write(self, line: bytes) -> None:
        self._out.write(line)
        self._hash.update(line)
        self.size += len(line)
        if self.size <= self._most:
            self._held.append(line)
        else:
            self._held.clear()

    def finish(self) -> None:
        """Have the file appear. Raises StorageError, Stopped."""
        self._stack.close()
        self._entry = self._out.entry

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def piece(self) -> Piece:
        """All of it, as a piece of a file that is composed."""
        return b"".join(self._held) if self._held or not self.size else Range(self.path, 0, self.size, self._entry)
