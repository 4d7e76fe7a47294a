"""A small JPEG of a picture that could not be exported, for whoever looks for the cause."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 240  # pixels of the longer side, at most
MOST = 24_000  # bytes of one
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def preview(content: bytes, height: int, width: int) -> bytes:
    """A JPEG of at most SIDE pixels a side and MOST bytes; b"" where the picture does not decode.

    height, width: as its header says, in pixels; a JPEG is decoded at an eighth of them where that is enough.
    """
    factor = next((n for n in (8, 4, 2) if max(height, width) >= n * SIDE and min(height, width) >= n), 0)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), REDUCED.get(factor, cv2.IMREAD_COLOR))
        if image is None:
            return b""
        scale = SIDE / max(image.shape[:2])
        if scale < 1:
            size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        written, out = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])
    except cv2.error:  # damaged further on than its header: there is nothing to be shown, and the error says so
        return b""
    return out.tobytes() if written and out.size <= MOST else b""
