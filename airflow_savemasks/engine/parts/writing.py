"""Rendered items to finished parts: the members of a tar one after the other, and a receipt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import BinaryIO, Self

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems, Skipped
from airflow_savemasks.engine.archive.index import line_at
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.growing import GrowingArchive
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import Head, new_part, skipped_line, write_receipt
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.base import Storage

ENDING = 8  # parts whose last bytes and receipts are on their way while the next part is rendered


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes rendered items to parts of the plan's size, each finished by its receipt.

    growing: where parts go one after the other, None for files of their own; bad: gets the bad items; skip_bad: they
    are left out for good, which the receipts tell. Without it they are missing, so that nothing can be published.
    """

    team_files: Storage
    plan: Plan
    bad: BadItems
    progress: Progress
    growing: GrowingArchive | None
    skip_bad: bool

    def write(self, items: Iterator[Rendered]) -> int:
        """All items; returns how many of them are in parts now. What is finished stays so when this raises.

        Lines of the index of up to ENDING + 1 parts are held, and of their bytes as much as the storage holds of a file
        that is being written.
        """
        with _Endings(wait=self.growing is not None) as endings:
            while (first := next(items, None)) is not None:
                self._write_part(chain([first], items), endings)
        return endings.written

    def _write_part(self, items: Iterator[Rendered], endings: _Endings) -> None:
        """One part, of the first of the items; none where nothing is left of them."""
        path = self.growing.path if self.growing else new_part(self.plan.dst)
        begin = end = self.growing.end if self.growing else 0
        lines: list[bytes] = []
        seen = skipped = 0
        out: BinaryIO | None = None
        first = last = None
        with ExitStack() as stack:
            for rendered in items:
                first, last = first or rendered.source, rendered.source
                if rendered.error is None:
                    if out is None:
                        out = stack.enter_context(self._open(path))
                    for piece in rendered.pieces:
                        out.write(piece)
                    lines.append(line_at(0, end, rendered.line))
                    end += rendered.size
                else:
                    told = self._tell(rendered)
                    skipped += self.skip_bad
                    if self.skip_bad:
                        lines.append(skipped_line(Skipped(rendered.key, rendered.source, told, rendered.unread)))
                self.progress.add(rendered.size)
                seen += 1
                if seen == self.plan.part_items or end - begin >= self.plan.part_bytes:
                    break
            if out is None and lines and self.growing is None:
                stack.enter_context(self._open(path))  # empty: the receipt of what was left out names a file
            open_file = stack.pop_all()
        if not lines or first is None or last is None:
            open_file.close()
            return
        items_there = len(lines) - skipped
        head = Head(path.rpartition("/")[2], end, items_there, skipped, first, last, self.plan.name)

        def finish() -> int:
            open_file.close()
            write_receipt(self.team_files, self.plan.dst, head, lines)
            return items_there

        endings.end(finish)

    def _open(self, path: str) -> AbstractContextManager[BinaryIO]:
        return self.growing.part() if self.growing else self.team_files.writing(path)

    def _tell(self, rendered: Rendered) -> BadItem:
        assert rendered.error is not None
        log.error(str(rendered.error))
        told = BadItem.of(rendered.item, rendered.error)
        self.bad.add(told)
        return told


class _Endings:
    """Ends parts behind the back of who renders: an object storage answers some round trips after the last byte.

    wait: end each at once. written: items of all parts that have come to their end.
    """

    def __init__(self, *, wait: bool) -> None:
        self._pool = None if wait else ThreadPoolExecutor(ENDING, thread_name_prefix="savemasks-parts")
        self._pending: deque[Future[int]] = deque()
        self.written = 0

    def end(self, work: Callable[[], int]) -> None:
        """Have a part ended; work: does that and returns its items. Raises what the end of an earlier one raised."""
        if self._pool is None:
            self.written += work()
            return
        self._pending.append(self._pool.submit(work))
        while len(self._pending) > ENDING or (self._pending and self._pending[0].done()):
            self.written += self._pending.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All parts that are complete are ended, also after an error; none of their errors hides that one."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
        if error is None:
            self.written += sum(ended.result() for ended in self._pending)
