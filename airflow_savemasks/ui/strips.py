"""A large PNG made smaller strip by strip: its pixels as a whole may be a gigabyte, a strip of them is a few megabytes.

8-bit gray and RGB, not interlaced: what an export writes.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from isal import isal_zlib
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_container import HEADER, chunks_of
from airflow_savemasks.engine.native import reading

CHANNELS = {0: 1, 2: 3}  # color type -> values of a pixel
STRIP = 8 << 20  # bytes of pixels at a time, about
FEED = 1 << 16  # bytes of the stream at a time


def smaller(content: bytes, side: int, *, exact: bool) -> NDArray[np.uint8] | None:
    """PNG bytes -> (height, width) or (height, width, 3) BGR, the longer side at most `side` pixels.

    exact: only values that the picture has. None for another kind of PNG, a damaged one, and without the kernels.
    """
    chunks = chunks_of(content)
    if chunks is None or native.library is None or len(chunks.get(b"IHDR", b"")) != HEADER.size:
        return None
    width, height, depth, color_type, compression, method, interlace = HEADER.unpack(chunks[b"IHDR"])
    if color_type not in CHANNELS or depth != 8 or compression or method or interlace:
        return None
    step = -(-max(width, height) // side)  # rows of the picture that become one
    channels = CHANNELS[color_type]
    line = 1 + width * channels
    rows = max(1, STRIP // line // step) * step
    how = cv2.INTER_NEAREST if exact else cv2.INTER_AREA
    found, above, left = [], None, height
    try:
        for strip in _inflated(chunks.get(b"IDAT", b""), line, rows, height):
            pixels = _unfiltered(strip, above, channels)
            above, left = pixels[-1], left - len(pixels)
            shaped = pixels.reshape(len(pixels), width, channels)
            found.append(cv2.resize(shaped, (max(1, width // step), -(-len(pixels) // step)), interpolation=how))
    except (IsalError, ValueError):  # type: ignore[misc]  # the stub takes the class for an instance
        return None
    if left:
        return None
    whole = np.concatenate(found)
    return np.asarray(cv2.cvtColor(whole, cv2.COLOR_RGB2BGR) if channels == 3 else whole, np.uint8)


def _inflated(stream: bytes | memoryview, line: int, rows: int, height: int) -> Iterator[NDArray[np.uint8]]:
    """The filtered lines of a zlib stream, `rows` at a time. Raises ValueError where there are more than `height`."""
    inflater = isal_zlib.decompressobj()
    held, given = bytearray(), 0
    for at in range(0, len(stream), FEED):
        piece = bytes(stream[at : at + FEED])
        while True:
            wanted = line * min(rows, height - given) - len(held)
            if wanted <= 0:
                if given + rows >= height:
                    break
                yield np.frombuffer(bytes(held), np.uint8).reshape(-1, line)
                given, held = given + rows, bytearray()
                continue
            got = inflater.decompress(piece, wanted)
            piece = inflater.unconsumed_tail
            held += got
            if not piece and len(got) < wanted:
                break
    if len(held) % line or given + len(held) // line > height:
        raise ValueError("the picture has another size than its header says")
    if held:
        yield np.frombuffer(bytes(held), np.uint8).reshape(-1, line)


def _unfiltered(strip: NDArray[np.uint8], above: NDArray[np.uint8] | None, channels: int) -> NDArray[np.uint8]:
    """The pixels of lines. above: the pixels of the line before, which filters of these lines may look at."""
    if above is None:
        return reading.unfilter(strip, channels)
    before = np.concatenate((np.zeros(1, np.uint8), above))[None]
    return reading.unfilter(np.concatenate((before, strip)), channels)[1:]
