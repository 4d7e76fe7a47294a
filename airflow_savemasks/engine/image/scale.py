"""Pictures scaled down, each new pixel the mean of the area that it covers, on every machine to the same bytes.

What OpenCV's INTER_AREA computes in floating point, which is rounded otherwise on other processors, and is one off here
and there: each old pixel counts in whole numbers, as often as its share of the new one (more-masks, section 5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.native import scaling

Image = NDArray[np.uint8]
ROWS = 64  # of the picture that are added up at a time


def scale_down(image: Image, width: int, height: int) -> Image:
    """(h, w, 3) uint8 to (height, width, 3), rounded to the nearest, halves up. Neither side may be larger."""
    assert 1 <= height <= image.shape[0]
    assert 1 <= width <= image.shape[1]
    return scaling.area_scale(image, width, height) if native.library else _by_numpy(image, width, height)


def _by_numpy(image: Image, width: int, height: int) -> Image:
    old_height, old_width = image.shape[:2]
    whole = old_height * old_width
    out = np.empty((height, width, 3), np.uint8)
    for row in range(height):
        first, last = row * old_height // height, -(-(row + 1) * old_height // height)
        sums = np.zeros((width, 3), np.int64)
        for top in range(first, last, ROWS):
            rows = np.arange(top, min(top + ROWS, last))
            begin = np.maximum(rows * height, row * old_height)
            share = np.minimum((rows + 1) * height, (row + 1) * old_height) - begin
            sums += np.tensordot(share, _across(image[rows[0] : rows[-1] + 1], width), 1)
        out[row] = (sums + whole // 2) // whole
    return out


def _across(rows: Image, width: int) -> NDArray[np.int64]:
    """(n, w, 3) uint8 to (n, width, 3): what each new pixel covers of a row, in width-ths of an old pixel."""
    old_width = rows.shape[1]
    before = np.zeros((len(rows), old_width + 1, 3), np.int64)
    np.cumsum(rows, axis=1, out=before[:, 1:])
    at, part = np.divmod(np.arange(width + 1) * old_width, width)
    cut = rows[:, np.minimum(at, old_width - 1)].astype(np.int64)
    return np.asarray(np.diff(width * before[:, at] + part[:, None] * cut, axis=1), np.int64)
