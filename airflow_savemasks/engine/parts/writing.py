"""Rendered items to finished parts: the members of a tar one after the other, and a receipt.

Whoever goes through the items in their order only deals out places; where a storage takes bytes at places, threads
write them, and others end the parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import BinaryIO

from airflow_savemasks.engine.archive.bad_items import PREVIEWS, BadItem, BadItems, Skipped
from airflow_savemasks.engine.archive.index import Origin, line_at
from airflow_savemasks.engine.archive.members import Rendered, RenderedGroup
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.endings import Ending, Endings
from airflow_savemasks.engine.parts.growing import GrowingArchive
from airflow_savemasks.engine.parts.left_out import LeftOut, left_out_line
from airflow_savemasks.engine.parts.placed_writes import PlacedWrites
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import Head, Receipt, skipped_line, write_receipt
from airflow_savemasks.engine.parts.work_names import new_part
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.base import Buffer, Placed, Storage


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes rendered items to parts of the plan's size, each finished by its receipt.

    growing: where parts go one after the other, None for files of their own; bad: gets the bad items; skip_bad: they
    are left out for good, which the receipts tell. Without it they are missing, so that nothing can be published.
    lead: what comes before the first item, in the file of its part; nothing where that item is not the archive's first.
    """

    team_files: Storage
    plan: Plan
    bad: BadItems
    progress: Progress
    growing: GrowingArchive | None
    skip_bad: bool
    lead: bytes = b""

    def write(self, groups: Iterator[RenderedGroup]) -> list[Receipt]:
        """All items; returns the receipts of their parts. What is finished stays so when this raises.

        Lines of the index of some parts are held (endings.py), and of their bytes as much as the storage holds of a
        file that is being written, or placed_writes.py has on its way.
        """
        part: _Part | None = None
        begin, lead = (self.growing.end, b"") if self.growing else (0, self.lead)
        with Endings(in_order=self.growing is not None) as endings, ExitStack() as opened, PlacedWrites() as writes:
            for group in groups:
                at, count = 0, len(group.items)
                while at < count:
                    if part is None:
                        part, lead = _Part(self, opened, writes, begin, lead), b""
                    at = part.add(group, at)
                    if part.is_full():
                        endings.end(part.closed())
                        begin, part = part.end if self.growing else 0, None
            if part is not None:
                endings.end(part.closed())
        return endings.receipts

    def tell(self, rendered: Rendered) -> BadItem:
        """Note a bad item, and say so."""
        assert rendered.error is not None
        log.error(str(rendered.error))
        told = BadItem.of(rendered.item, rendered.error, rendered.preview if self.bad.count < PREVIEWS else b"")
        self.bad.add(told)
        return told


class _Part:
    """A part in the making.

    opened: gets its file, which whoever ends the part takes over; begin, end: its places; lead: written before them.
    """

    def __init__(self, writer: PartWriter, opened: ExitStack, writes: PlacedWrites, begin: int, lead: bytes) -> None:
        self._writer = writer
        self._opened = opened
        self._writes = writes
        self._begin = self.end = begin + len(lead)
        self._lead = lead
        self._path = writer.growing.path if writer.growing else new_part(writer.plan.dst, writer.plan.settings)
        self._file: Placed | BinaryIO | None = writer.growing.file if writer.growing else None
        self._lines: list[bytes] = []
        self._calls: list[Future[None]] = []
        self._seen = self._skipped = self._left_out = 0
        self._first: Origin | None = None
        self._last: Origin | None = None

    def is_full(self) -> bool:
        plan = self._writer.plan
        return self._seen >= plan.part_items or self.end - self._begin >= plan.part_bytes

    def add(self, group: RenderedGroup, start: int) -> int:
        """Items of a group from `start` on, until the part is full; returns where the next part goes on in it."""
        place, at = self.end, start
        pieces: list[list[Buffer]] = []
        while at < len(group.items) and not self.is_full():
            rendered = group.items[at]
            self._first, self._last = self._first or rendered.source, rendered.source
            if rendered.left_out:
                self._left_out += 1
                self._lines.append(left_out_line(LeftOut(rendered.key, rendered.source)))
            elif rendered.error is None:
                pieces.append(rendered.pieces)
                self._lines.append(line_at(0, self.end, rendered.line))
                self.end += rendered.size
            else:
                told = self._writer.tell(rendered)
                self._skipped += self._writer.skip_bad
                if self._writer.skip_bad:
                    self._lines.append(skipped_line(Skipped(rendered.key, rendered.source, told, rendered.unread)))
            self._writer.progress.add(rendered.size, made=rendered.error is None and not rendered.left_out)
            self._seen += 1
            at += 1
        self._write(list(chain.from_iterable(pieces)), place, group, last=at == len(group.items))
        return at

    def closed(self) -> Ending | None:
        """What ends the part; None where nothing is left of its items."""
        if not self._lines or self._first is None or self._last is None:
            return None
        if self._file is None:
            self._open()  # empty: the receipt of what was left out names a file
        items = len(self._lines) - self._skipped - self._left_out
        plan = self._writer.plan
        name = self._path.rpartition("/")[2]
        lead = sha256(self._lead).hexdigest() if self._lead else ""
        counts = items, self._skipped
        head = Head(name, self.end, *counts, self._first, self._last, plan.name, lead, self._left_out)
        return partial(self._finish, self._opened.pop_all(), head)

    def _write(self, pieces: list[Buffer], place: int, group: RenderedGroup, *, last: bool) -> None:
        """last: nobody needs the group's bytes any more once these are written."""
        then = group.written if last else None
        file = (self._file or self._open()) if pieces else None
        if isinstance(file, Placed):
            self._calls.append(self._writes.put(file, pieces, place, self.end - place, then))
            return
        if file is not None:
            file.writelines(pieces)
        if then is not None:
            then()

    def _open(self) -> Placed | BinaryIO:
        self._file = self._opened.enter_context(self._writer.team_files.writing(self._path))
        if self._lead:
            self._file.write(self._lead)
        return self._file

    def _finish(self, opened: ExitStack, head: Head) -> Receipt:
        """Wait for the bytes, close the file, write the receipt."""
        with opened:
            for call in self._calls:
                call.result()
        if self._writer.growing:
            self._writer.growing.end = self.end
        return write_receipt(self._writer.team_files, self._writer.plan.dst, head, self._lines)
