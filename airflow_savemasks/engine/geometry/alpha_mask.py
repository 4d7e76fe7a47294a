"""A mask of opacities (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry import bitmap_coding
from airflow_savemasks.engine.geometry.base import Canvas, Color, paint
from airflow_savemasks.engine.geometry.pixels import Pixels
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.native import reading

BLENDED = 1 << 18  # pixels that are blended at a time: each takes 40 bytes meanwhile


class AlphaMask(Pixels[np.uint8]):
    """Opacity (height, width) uint8, blended into the canvas and cut off to whole numbers, where it is above 0."""

    shape = "alpha_mask"
    blends = True
    dtype = np.uint8
    empty = "the alpha mask is empty: every pixel is transparent"

    @classmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[np.uint8], bool]:
        return bitmap_coding.decode_alpha(text, limits)

    @classmethod
    def _encode(cls, array: NDArray[np.uint8]) -> str:
        return bitmap_coding.encode_alpha(array)

    def draw(self, canvas: Canvas, color: Color) -> None:
        values = color if isinstance(color, tuple) else (color,)
        if native.library and canvas.dtype == np.uint8:
            region = canvas[self.top : self.top + self.height, self.left : self.left + self.width]
            reading.change(region, self.array, _blends(values))
        else:
            self._blend(canvas, values)

    def _blend(self, canvas: Canvas, values: tuple[int, ...]) -> None:
        whole = self.array
        rows = max(1, BLENDED // self.width)
        for start in range(0, self.height, rows):
            alpha = whole[start : start + rows]
            top = self.top + start
            region = canvas[top : top + len(alpha), self.left : self.left + self.width]
            opacity = alpha / 255.0
            for channel, value in enumerate(values):
                plane = region[:, :, channel] if canvas.ndim == 3 else region
                blended = plane * (1 - opacity) + opacity * value
                np.copyto(plane, blended.astype(np.uint8), where=alpha > 0)

    def draw_solid(self, canvas: Canvas, color: Color) -> None:
        """Paint every pixel of some opacity: where the mask lies, not how it blends."""
        paint(canvas, self.left, self.top, self.array > 0, color)


@lru_cache(maxsize=64)
def _blends(values: tuple[int, ...]) -> NDArray[np.uint8]:
    """(channels, 256, 256): what each value of a color leaves, by opacity, of each value that lies below."""
    opacity = np.arange(256)[:, None] / 255.0
    below = np.arange(256, dtype=np.uint8)
    return np.stack([(below * (1 - opacity) + opacity * value).astype(np.uint8) for value in values])
