"""Labels that are a rectangle, a pixel or a mask, painted many in one call: each takes less time than a call."""

from __future__ import annotations

import numpy as np

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.base import Canvas, Stamp

TOGETHER = 1 << 14  # stamps: what is noted of them takes a megabyte


class Stamps:
    """Stamps for one canvas, (height, width) uint8 or uint16, contiguous; `paint` comes before anything else is drawn.

    Nothing is taken where the kernels are missing.
    """

    def __init__(self, canvas: Canvas) -> None:
        assert canvas.flags.c_contiguous
        self._canvas = canvas
        self._height, self._width = canvas.shape
        self._rows: list[tuple[int, int, int, int, int, int, int]] = []

    def take(self, stamp: Stamp | None, number: int) -> bool:
        """Whether it will be painted. A mask has to stay where it is in memory until then."""
        if stamp is None or native.library is None:
            return False
        left, top, height, width, mask = stamp
        if left < 0 or top < 0 or left + width > self._width or top + height > self._height:
            return False
        if mask is None:
            address = stride = 0
        else:
            stride, step = mask.strides
            if mask.itemsize != 1 or step != 1:
                return False
            address = mask.__array_interface__["data"][0]
        self._rows.append((left, top, height, width, number, address, stride))
        if len(self._rows) >= TOGETHER:
            self.paint()
        return True

    def paint(self) -> None:
        """Paint those that were taken, in their order."""
        if not self._rows:
            return
        rows = np.array(self._rows, np.int64)
        self._rows.clear()
        assert native.library is not None
        at = self._canvas.ctypes.data, self._canvas.itemsize, self._height, self._width
        done = native.library.canvas_stamp(*at, rows.ctypes.data, len(rows))
        assert done == len(rows)
