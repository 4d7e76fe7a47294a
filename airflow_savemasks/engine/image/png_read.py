"""Reads the PNG pictures of 8-bit gray, RGB and RGBA as OpenCV does, with our kernels.

Whatever is not plainly such a picture (other depths, palettes, interlacing, a turned one, a chunk that nobody here
knows, damage) is left to OpenCV: `read` returns None.
"""

from __future__ import annotations

import numpy as np
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_container import HEADER, chunks_of, inflate

CHANNELS = {0: 1, 2: 3, 6: 4}  # color type -> bytes of a pixel at 8 bits
HARMLESS = frozenset(b"IHDR IDAT IEND pHYs tEXt zTXt iTXt tIME sRGB gAMA cHRM iCCP bKGD".split())


def read(content: bytes) -> NDArray[np.uint8] | None:
    """PNG bytes -> (height, width, 3) uint8 RGB, alpha dropped, gray repeated; None where it takes OpenCV."""
    if native.library is None:
        return None
    chunks = chunks_of(content)
    if chunks is None or not HARMLESS.issuperset(chunks) or len(chunks.get(b"IHDR", b"")) != HEADER.size:
        return None
    width, height, depth, color_type, compression, method, interlace = HEADER.unpack(chunks[b"IHDR"])
    channels = CHANNELS.get(color_type)
    if channels is None or depth != 8 or compression or method or interlace or not width * height:
        return None
    size = height * (1 + channels * width)
    try:
        raw = inflate(chunks.get(b"IDAT", b""), size)
        if len(raw) != size:
            return None
        lines = np.frombuffer(raw, np.uint8).reshape(height, 1 + channels * width)
        image = native.unfilter(lines, channels).reshape(height, width, channels)
    except (IsalError, ValueError):  # type: ignore[misc]  # the stub takes the class for an instance
        return None
    if channels == 1:
        return np.repeat(image, 3, axis=2)
    return image if channels == 3 else np.ascontiguousarray(image[:, :, :3])
