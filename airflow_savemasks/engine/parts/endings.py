"""Ending parts behind the back of who renders: an object storage answers some round trips after the last byte."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Self

from airflow_savemasks.engine.parts.receipts import HELD_BYTES, Receipt

MOST = 8  # parts whose last bytes and receipts are on their way while the next part is rendered
Ending = Callable[[], Receipt]  # ends a part


class Endings:
    """Parts that come to their end. receipts: of all those that have.

    in_order: one after the other, and none after one that failed: the next one goes on where it ends.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._pool = ThreadPoolExecutor(1 if in_order else MOST, thread_name_prefix="savemasks-parts")
        self._pending: deque[Future[Receipt | None]] = deque()
        self._in_order = in_order
        self._failed = False
        self.receipts: list[Receipt] = []
        self._held = 0

    def end(self, work: Ending | None) -> None:
        """Have a part ended; None: there is nothing of it. Raises what the end of an earlier one raised."""
        if work is not None:
            self._pending.append(self._pool.submit(self._one, work))
        while len(self._pending) > MOST or (self._pending and self._pending[0].done()):
            self._keep(self._pending.popleft())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All parts that are complete are ended, also after an error; none of their errors hides that one."""
        self._pool.shutdown(wait=True)
        if error is None:
            for ended in self._pending:
                self._keep(ended)

    def _keep(self, ended: Future[Receipt | None]) -> None:
        if receipt := ended.result():
            self._held += len(receipt.content or b"")
            self.receipts.append(receipt if self._held <= HELD_BYTES else replace(receipt, content=None))

    def _one(self, work: Ending) -> Receipt | None:
        if self._in_order and self._failed:
            return None
        try:
            return work()
        except BaseException:
            self._failed = True
            raise
