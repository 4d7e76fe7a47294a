"""Which pictures belong to which share, as lists that are written while the items of an archive are placed.

Rules: more-masks, section 11.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import KnownItem
from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish.next_file import NextFile
from airflow_savemasks.engine.storage.base import Piece, Storage
from airflow_savemasks.engine.storage.in_flight import at_once


def next_split(dst: str, number: int) -> str:
    """Where a list lies until it is published."""
    return f"{folder_of(dst)}/next.split{number}.txt"


class Splits:
    """The lists of an export's shares, none where nothing is split; in the work folder until it is published.

    counts: name of a share -> its pictures, in the order that was given.
    """

    def __init__(self, job: Job, team_files: Storage) -> None:
        shares = [name for name, _ in job.options.split.shares] if job.options.split else []
        self._team_files = team_files
        self._listed = LAYOUTS[job.options.layout].listed
        self._stack = ExitStack()
        self._lists = {name: NextFile(team_files, next_split(job.layer.dst, n)) for n, name in enumerate(shares)}
        self.counts = dict.fromkeys(shares, 0)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for file in self._lists.values():
                opened.enter_context(file)
            self._stack = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, item: KnownItem) -> None:
        """One more picture. Raises ArchiveError for a line of an index that names none of the shares."""
        if not self._lists:
            return
        if item.split not in self._lists:
            fact = f"its line of the index names the share {item.split!r}; there are {list(self._lists)}"
            raise ArchiveError(f"{self._team_files.uri}, {item.item}", fact, "Export it again with reuse=False")
        folder, _, name = item.item.rpartition("/")
        self._lists[item.split].write(f"{self._listed(folder, name)}\n".encode())
        self.counts[item.split] += 1

    def finish(self) -> None:
        """Have the lists appear in the work folder. Raises StorageError, Stopped."""
        at_once(self._team_files.remote, *(file.finish for file in self._lists.values()))

    def files(self) -> list[tuple[File, Piece]]:
        """`splits/train.txt` and the like with size and SHA-256, and where the content lies."""
        return [
            (File(file=f"splits/{name}.txt", size=file.size, sha256=file.sha256), file.piece)
            for name, file in self._lists.items()
        ]


def as_members(files: list[tuple[File, Piece]]) -> list[Piece]:
    """Files as members of a tar; what is held in memory is one piece."""
    pieces: list[Piece] = []
    for file, content in files:
        for piece in (tar.header(file.file, file.size), content, tar.padding(file.size)):
            if isinstance(piece, bytes) and pieces and isinstance(pieces[-1], bytes):
                pieces[-1] += piece
            elif piece:
                pieces.append(piece)
    return pieces
