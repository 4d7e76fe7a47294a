"""The kernels for what comes in: PNG streams and their scan lines to pixels, and alpha masks over what lies below."""

from __future__ import annotations

from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from airflow_savemasks.engine import native

Bytes = NDArray[np.uint8]

INFLATE_SLACK = 288  # bytes behind the output that `inflate_zlib` may write
MOST_REPEATED = 1032  # bytes that one byte of a deflate stream can stand for
KEPT = 1 << 24  # bytes of inflated pictures that a thread keeps room for: fresh memory takes as long as inflating


def inflate(stream: Any, size: int) -> Bytes | None:
    """A zlib stream in a contiguous buffer -> its bytes (size,), until the thread inflates the next one.

    None where it is damaged or has another size: another decoder has to say what is wrong with it.
    """
    assert native.library is not None
    data = np.frombuffer(stream, np.uint8)
    if size > MOST_REPEATED * data.size:
        return None  # no memory for what a header promises and the stream cannot keep
    tables = native.scratch.take("tables", native.library.inflate_tables_size())
    room = size + INFLATE_SLACK
    out = native.scratch.take("inflated", room) if room <= KEPT else np.empty(room, np.uint8)
    at = native.library.inflate_zlib(data.ctypes.data, data.size, out.ctypes.data, size, tables.ctypes.data)
    if not at or int.from_bytes(data[at : at + 4].tobytes(), "big") != isal_zlib.adler32(out[:size]):
        return None
    return out[:size]


def unfilter(lines: Bytes, pixel: int, every: int = 1) -> Bytes:
    """Filtered scan lines (height, 1 + n) of a PNG -> every `every`th byte, (height, n // every). Raises ValueError.

    pixel: bytes of a pixel that are wanted; every: 1, or 2 for the upper bytes of 16 bits.
    """
    assert native.library is not None
    assert lines.flags.c_contiguous
    height, size = lines.shape[0], (lines.shape[1] - 1) // every
    out = np.empty((height, size), np.uint8)
    if native.library.lines_unfilter(lines.ctypes.data, height, size, every, pixel, out.ctypes.data):
        raise ValueError("unknown filter")
    return out


def opacity(lines: Bytes) -> NDArray[np.bool_] | None:
    """Scan lines (height, 1 + 4 * width) of an RGBA PNG -> (height, width), which pixels are not transparent.

    None where lines have other filters than none and Sub.
    """
    assert native.library is not None
    height, width = lines.shape[0], lines.shape[1] // 4
    out = np.empty((height, width), np.bool_)
    return None if native.library.lines_opacity(lines.ctypes.data, height, width, out.ctypes.data) else out


def change(region: Bytes, opacity: Bytes, tables: Bytes) -> None:
    """Change a region (height, width) or (height, width, 3), a view of a canvas, by opacity (height, width).

    tables: (channels, 256, 256); each value becomes tables[channel, opacity, value].
    """
    assert native.library is not None
    channels = len(tables)
    height, width = region.shape[:2]
    assert opacity.shape == (height, width)
    assert opacity.strides[1] == 1 or width == 1
    assert region.shape[2:] == ((3,) if channels == 3 else ())
    assert region.strides[1:] == ((3, 1) if channels == 3 else (1,)) or width == 1
    assert tables.flags.c_contiguous
    assert tables.shape == (channels, 256, 256)
    of_region, of_opacity = region.ctypes.data, opacity.ctypes.data
    native.library.lines_change(
        of_region, region.strides[0], channels, of_opacity, opacity.strides[0], height, width, tables.ctypes.data
    )
