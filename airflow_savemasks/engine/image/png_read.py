"""Reads the PNG pictures of 8- and 16-bit gray, RGB and RGBA as OpenCV does, with our kernels.

Whatever is not plainly such a picture (other depths, palettes, interlacing, a turned one, a chunk that nobody here
knows, damage) is left to OpenCV: `read` returns None.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_container import HEADER, chunks_of
from airflow_savemasks.engine.image.png_write import PALETTE, assemble
from airflow_savemasks.engine.native import reading

GRAY = 0
CHANNELS = {GRAY: 1, 2: 3, 6: 4}  # color type -> values of a pixel
HARMLESS = frozenset(b"IHDR IDAT IEND pHYs tEXt zTXt iTXt tIME sRGB gAMA cHRM iCCP bKGD".split())
LARGEST_OF_16 = 1 << 28  # bytes of scan lines of 16 bits: OpenCV takes a sixth of the memory, and longer


def read(content: bytes) -> NDArray[np.uint8] | None:
    """PNG bytes -> (height, width, 3) uint8 RGB, alpha dropped, gray repeated; None where it takes OpenCV.

    Of 16 bits the upper 8 are taken.
    """
    image = _read(content, frozenset(CHANNELS), (8, 16))
    if image is None or image.shape[2] == 3:
        return None if image is None else np.ascontiguousarray(image)
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    return np.ascontiguousarray(image[:, :, :3])


def read_gray(content: bytes) -> NDArray[np.uint8] | None:
    """The bytes of a gray PNG of 8 bits -> (height, width) uint8; None where it takes OpenCV."""
    image = _read(content, frozenset((GRAY,)), (8,))
    return None if image is None else image[:, :, 0]


def indices_as_gray(content: bytes) -> bytes:
    """A PNG with a palette of 8 bits -> the same with its indices as gray; any other content as it is.

    OpenCV gives the colors of a palette, and its indices are what was written.
    """
    chunks = chunks_of(content)
    if chunks is None or len(chunks.get(b"IHDR", b"")) != HEADER.size:
        return content
    width, height, depth, color_type, *_, interlace = HEADER.unpack(chunks[b"IHDR"])
    if (depth, color_type, interlace) != (8, PALETTE, 0):
        return content
    return b"".join(assemble(width, height, GRAY, [bytes(chunks.get(b"IDAT", b""))]))


def _read(content: bytes, color_types: frozenset[int], depths: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """(height, width, channels)."""
    if native.library is None:
        return None
    chunks = chunks_of(content)
    if chunks is None or not HARMLESS.issuperset(chunks) or len(chunks.get(b"IHDR", b"")) != HEADER.size:
        return None
    width, height, depth, color_type, compression, method, interlace = HEADER.unpack(chunks[b"IHDR"])
    if color_type not in color_types or depth not in depths or compression or method or interlace:
        return None
    channels = CHANNELS[color_type]
    pixel = channels * depth // 8
    size = height * (1 + pixel * width)
    if not width * height or (depth == 16 and size > LARGEST_OF_16):
        return None
    raw = reading.inflate(chunks.get(b"IDAT", b""), size)
    if raw is None:
        return None
    lines = raw.reshape(height, 1 + pixel * width)
    try:
        values = reading.unfilter(lines, channels, depth // 8)
    except ValueError:
        return None
    return values.reshape(height, width, channels)
