"""A mask of pixels (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry import bitmap_coding
from airflow_savemasks.engine.geometry.base import Canvas, Color, paint
from airflow_savemasks.engine.geometry.pixels import Pixels
from airflow_savemasks.engine.limits import Limits


class Bitmap(Pixels[np.bool_]):
    """A mask (height, width) bool."""

    shape = "bitmap"
    dtype = np.bool_
    empty = "the bitmap is empty: no pixel is set"

    @classmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[np.bool_], bool]:
        return bitmap_coding.decode_mask(text, limits)

    @classmethod
    def _encode(cls, array: NDArray[np.bool_]) -> str:
        return bitmap_coding.encode_mask(array)

    def draw(self, canvas: Canvas, color: Color) -> None:
        paint(canvas, self.left, self.top, self.array, color)
