"""Ending parts behind the back of who renders: an object storage answers some round trips after the last byte."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

MOST = 8  # parts whose last bytes and receipts are on their way while the next part is rendered
Ending = Callable[[], int]  # ends a part and returns its items


class Endings:
    """Parts that come to their end. written: items of all those that have.

    in_order: one after the other, and none after one that failed: the next one goes on where it ends.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._pool = ThreadPoolExecutor(1 if in_order else MOST, thread_name_prefix="savemasks-parts")
        self._pending: deque[Future[int]] = deque()
        self._in_order = in_order
        self._failed = False
        self.written = 0

    def end(self, work: Ending | None) -> None:
        """Have a part ended; None: there is nothing of it. Raises what the end of an earlier one raised."""
        if work is not None:
            self._pending.append(self._pool.submit(self._one, work))
        while len(self._pending) > MOST or (self._pending and self._pending[0].done()):
            self.written += self._pending.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All parts that are complete are ended, also after an error; none of their errors hides that one."""
        self._pool.shutdown(wait=True)
        if error is None:
            self.written += sum(ended.result() for ended in self._pending)

    def _one(self, work: Ending) -> int:
        if self._in_order and self._failed:
            return 0
        try:
            return work()
        except BaseException:
            self._failed = True
            raise
