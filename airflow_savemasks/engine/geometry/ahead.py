"""Labels made of pixels are decoded ahead of being asked for one by one, many in one call outside the GIL.

A small one takes ten microseconds, and as a call of its own as long again to get the GIL back, or five milliseconds
where another thread keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_savemasks.engine import native
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.native import bitmaps
from airflow_savemasks.engine.native.bitmaps import Decoded

BATCH = 1 << 20  # characters that are decoded together; a longer text is worth a call of its own


class Ahead:
    """Of the labels of one annotation. Holds a batch of them at a time, as they are asked for in their order."""

    def __init__(self, objects: Sequence[Any], limits: Limits) -> None:
        self._texts = [text for text in map(_text_of, objects) if text is not None] if native.library else []
        self._limits = limits
        self._next = 0
        self._batch: dict[str, Decoded | None] = {}

    def take(self, text: Any) -> Decoded | None:
        """What the text of a label shows; None where it has to be decoded otherwise, which tells what is wrong."""
        if not self._texts or not _is_short(text):
            return None
        if text not in self._batch:
            self._read()
        return self._batch.get(text)

    def _read(self) -> None:
        end, size = self._next, 0
        while end < len(self._texts) and (size := size + len(self._texts[end])) <= BATCH:
            end += 1
        texts = self._texts[self._next : end]
        found = bitmaps.read(texts, self._limits.bitmap_pixels, self._limits.bitmap_bytes) if texts else []
        self._next += len(found)
        self._batch = dict(zip(texts, found, strict=False))  # what did not fit comes with the next batch


def _text_of(item: Any) -> str | None:
    """The text of a label's pixels, None where it has none that could be decoded here."""
    holder = item.get("bitmap") if isinstance(item, dict) else None
    text = holder.get("data") if isinstance(holder, dict) else None
    return text if _is_short(text) else None


def _is_short(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= BATCH and text.isascii()
