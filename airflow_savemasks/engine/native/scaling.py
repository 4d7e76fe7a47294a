"""The kernel that scales pictures down (scale.c)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native

Image = NDArray[np.uint8]


def area_scale(image: Image, width: int, height: int) -> Image:
    """(h, w, 3) uint8 to (height, width, 3), which is no larger; see image/scale.py."""
    assert native.library is not None
    image = np.ascontiguousarray(image)
    row, sums = np.empty(3 * width, np.uint32), np.empty(3 * width, np.uint64)
    out = np.empty((height, width, 3), np.uint8)
    sizes = image.shape[1], image.shape[0], width, height
    native.library.area_scale(image.ctypes.data, *sizes, row.ctypes.data, sums.ctypes.data, out.ctypes.data)
    return out
