"""How many pixels may be in memory at a time."""

from __future__ import annotations

import threading

from airflow_savemasks.engine.errors import Stopped


class Budget:
    """Pixels in flight. Reservations are granted in the order of the groups, which rules a deadlock out.

    A group larger than the whole budget is granted alone.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self._closed = False
        self._used = self._next = 0
        self._held: dict[int, int] = {}
        self._change = threading.Condition()

    def reserve(self, ticket: int, pixels: int) -> None:
        """Wait until the group's turn has come and there is room. Raises Stopped."""
        with self._change:
            while ticket != self._next or (self._used and self._used + pixels > self._pixels):
                if self._closed:
                    raise Stopped
                self._change.wait()
            self._held[ticket] = pixels
            self._used += pixels
            self._next += 1
            self._change.notify_all()

    def skip(self, ticket: int) -> None:
        """The group needs no pixels after all (it is bad), or has reserved already: let the next one have its turn."""
        with self._change:
            while ticket > self._next and not self._closed:
                self._change.wait()
            if ticket == self._next:
                self._next += 1
                self._change.notify_all()

    def shrink(self, ticket: int, pixels: int) -> None:
        """The group needs only so many from now on."""
        with self._change:
            freed = max(0, self._held.get(ticket, 0) - pixels)
            if freed:
                self._held[ticket] -= freed
                self._used -= freed
                self._change.notify_all()

    def release(self, ticket: int) -> None:
        self.shrink(ticket, 0)
        with self._change:
            self._held.pop(ticket, None)

    def close(self) -> None:
        """Nobody is going to release anything any more: whoever waits gets Stopped."""
        with self._change:
            self._closed = True
            self._change.notify_all()
