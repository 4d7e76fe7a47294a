"""Reads the two kinds of PNG that bitmap labels nearly always are, with less work than a general decoder.

They are 1-bit palettes with a transparent entry (what Supervisely writes) and RGBA of 8 bits (what most scripts write),
of which only the opacity is wanted. Everything else is left to OpenCV: `read` returns None.
"""

from __future__ import annotations

import numpy as np
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_container import HEADER, chunks_of, inflate
from airflow_savemasks.engine.native import reading

PALETTE, RGBA = (1, 3), (8, 6)  # depth, color type
NO_FILTER, SUB = 0, 1


def read(content: bytes) -> NDArray[np.bool_] | None:
    """PNG bytes -> (height, width) bool, where it is not transparent; None where it takes a general decoder."""
    chunks = chunks_of(content)
    if chunks is None or len(chunks.get(b"IHDR", b"")) != HEADER.size:
        return None
    width, height, depth, color_type, compression, method, interlace = HEADER.unpack(chunks[b"IHDR"])
    kind = (depth, color_type)
    if kind not in (PALETTE, RGBA) or compression or method or interlace or not width * height:
        return None
    stride = 1 + (4 * width if kind == RGBA else (width + 7) // 8)
    try:
        raw = inflate(chunks.get(b"IDAT", b""), stride * height)
    except (IsalError, ValueError):  # type: ignore[misc]  # the stub takes the class for an instance
        return None
    if len(raw) != stride * height:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(height, stride)
    if kind == RGBA and native.library:
        return reading.opacity(rows)
    first, last = int(rows[:, 0].min()), int(rows[:, 0].max())
    if kind == RGBA and last <= SUB:
        opacity = rows[:, 4::4]
        if first != NO_FILTER or last != NO_FILTER:
            # each byte is a difference to the pixel on its left, and sums wrap at 256 as the format wants it
            summed = np.cumsum(opacity, axis=1, dtype=np.uint8)
            opacity = summed if first == SUB else np.where(rows[:, :1] == SUB, summed, opacity)
        return np.asarray(opacity, np.uint8).astype(np.bool_)
    if kind == PALETTE and last == NO_FILTER and b"tRNS" in chunks:
        bits = np.unpackbits(rows[:, 1:], axis=1, count=width)
        opaque = [bool(value) for value in (bytes(chunks[b"tRNS"]) + b"\xff\xff")[:2]]
        return bits.view(np.bool_) if opaque == [False, True] else np.array(opaque)[bits]
    return None
