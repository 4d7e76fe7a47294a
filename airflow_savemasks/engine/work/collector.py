"""Python's search for circles of objects, which costs half of what reading thousands of labels takes, comes less often.

It comes whenever 700 more objects were made than went; labels are made by the ten thousand, and none are circles.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager

OBJECTS = 10_000  # made before young ones are searched; of circles, no more are left over for a while


class _Users:
    """How many use the setting, and what it was before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = gc.get_threshold()

    def enter(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._before = gc.get_threshold()
                self._set(OBJECTS)

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                self._set(self._before[0])

    def _set(self, objects: int) -> None:
        if 0 < self._before[0] < OBJECTS:  # 0: somebody wants none at all
            gc.set_threshold(objects, *self._before[1:])


_users = _Users()


@contextmanager
def rarer_collections() -> Generator[None, None, None]:
    """A setting of the process, as before once the last one that uses it has ended; one that is larger stays."""
    _users.enter()
    try:
        yield
    finally:
        _users.leave()
