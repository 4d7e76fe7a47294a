"""Where each item goes in an archive, and what it is put together of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import moved
from airflow_savemasks.engine.archive.totals import Totals
from airflow_savemasks.engine.parts.finished import Finished
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Piece, Range
from airflow_savemasks.engine.storage.remote import size_of


@dataclass(slots=True)
class Run:
    """How many items there are, and the lines of the index of the first and the last one."""

    items: int = 0
    first: bytes = b""
    last: bytes = b""

    def add(self, line: bytes) -> None:
        self.items += 1
        self.first, self.last = self.first or line, line


@dataclass(slots=True)
class Layout:
    """The places of an archive's items, given out one after the other.

    head: bytes before the first item of a volume; volume_size: most bytes of one; volumes: pieces of each, without head
    and end; tail: members that the last volume ends with. Neighbours that lie behind each other in one file are one
    piece, so there are about as many as there are parts, and two for each run of items that is taken out of an old
    archive.
    """

    head: int
    volume_size: int | None
    volumes: list[list[Range]] = field(default_factory=lambda: [[]])
    tail: list[Piece] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    elsewhere: Run = field(default_factory=Run)
    _ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends.append(self.head)

    def place(self, item: Finished) -> bytes:
        """Give an item the next place; returns its line of the index. An item is never divided."""
        size = item.known.size
        pieces = self.volumes[-1]
        if self.volume_size is not None and pieces and self._ends[-1] + size + len(tar.END) > self.volume_size:
            pieces = []
            self.volumes.append(pieces)
            self._ends.append(self.head)
        line = moved(item.raw, item.known, len(self.volumes) - 1, self._ends[-1])
        last = pieces[-1] if pieces else None
        if last is not None and _follows(last, item.piece):
            pieces[-1] = Range(last.path, last.offset, last.size + size, last.known)
        else:
            pieces.append(item.piece)
        self._ends[-1] += size
        self.totals.add(item.known)
        if not in_work_folder(item.piece):
            self.elsewhere.add(item.raw)
        return line

    def sizes(self) -> list[int]:
        """Bytes of each volume, with head, tail and end."""
        whole = [end + len(tar.END) for end in self._ends]
        whole[-1] += size_of(self.tail)
        return whole


def in_work_folder(piece: Range) -> bool:
    """Whether a piece is of a part, not of an archive."""
    return piece.path.startswith(f"{WORK_FOLDER}/")


def _follows(one: Range, other: Range) -> bool:
    """Whether a range begins where another one of the same file ends."""
    return (one.path, one.known, one.offset + one.size) == (other.path, other.known, other.offset)
