"""Rendered items in memory that an export shares with a worker process: nothing is copied between the two."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.storage.base import Buffer

# of an item: size, line, error, unread, left out, preview; the rest is planned
Told = tuple[int, bytes, ItemError | None, bool, bool, bytes]


class Slot:
    """Memory for the bytes of one group, shared with one worker process."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.descriptor = os.memfd_create(f"savemasks-{number}", os.MFD_CLOEXEC)
        self.is_known = False  # by the process
        self._map: mmap.mmap | None = None

    def view(self, size: int) -> memoryview:
        """The first `size` bytes."""
        if not size:
            return memoryview(b"")
        if self._map is None or len(self._map) < size:
            self._map = mmap.mmap(self.descriptor, size)  # the one before goes with its last view
        return memoryview(self._map)[:size]

    def close(self) -> None:
        os.close(self.descriptor)


def rendered_in(slot: Slot, items: Sequence[Planned], told: Sequence[Told]) -> list[Rendered]:
    """Items whose bytes lie in a slot, one after the other."""
    view = slot.view(sum(size for size, *_ in told))
    found, at = [], 0
    for planned, (size, line, error, unread, left_out, preview) in zip(items, told, strict=True):
        pieces: list[Buffer] = [view[at : at + size]] if size else []
        at += size
        named = f"{planned.folder}/{planned.name}", planned.key, planned.origin
        found.append(Rendered(*named, pieces, size, line, error, unread, left_out, preview))
    return found
