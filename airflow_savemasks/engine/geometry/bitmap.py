"""Geometries made of pixels: bitmap, alpha_mask, multichannelBitmap. Their coding stands in bitmap_coding.py.

Each keeps the text that it was read from and writes it again while nothing changed the pixels. What is decoded can be
forgotten, as that takes far more memory than the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry import bitmap_coding
from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Json, as_points, paint
from airflow_savemasks.engine.limits import LIMITS, Limits

T = TypeVar("T", bound=np.generic)

BLENDED = 1 << 18  # pixels of an alpha mask that are blended at a time: each takes 40 bytes meanwhile


class Pixels(Generic[T]):
    """An array (height, width) whose top left pixel lies at left, top, and the text that it is coded as.

    Once forgotten, the array is decoded from its text for each use: a thousand bitmaps as large as their picture take
    the memory of one.
    """

    shape: ClassVar[str]
    empty: ClassVar[str]  # why one without a pixel is refused

    def __init__(self, left: int, top: int, array: NDArray[T], text: str | None, limits: Limits = LIMITS) -> None:
        self.left, self.top = left, top
        self.height, self.width = array.shape
        self.text = text
        self._array: NDArray[T] | None = array
        self._limits = limits

    @classmethod
    def parse(cls, data: Json, limits: Limits = LIMITS) -> Self:
        left, top, text = _origin_and_data(data, "bitmap")
        whole, again = cls._decode(text, limits)
        left, top, array = _without_margins(left, top, whole, cls.empty)
        return cls(left, top, array, text if again and array.shape == whole.shape else None, limits)

    @classmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[T], bool]:
        """Text -> array, and whether the text may be written again as it is."""
        raise NotImplementedError

    @classmethod
    def _encode(cls, array: NDArray[T]) -> str:
        raise NotImplementedError

    @property
    def array(self) -> NDArray[T]:
        if self._array is None:
            return self._decode(self._text(), self._limits)[0]
        return self._array

    def inside(self, width: int, height: int) -> Self | None:
        """What of it lies in a picture of width x height pixels; None where no pixel does."""
        left, top, array = window(self.left, self.top, self.array, width, height)
        return type(self)(left, top, array.copy(), None, self._limits) if array.any() else None

    def forget(self) -> None:
        """Keep the text alone."""
        self.text = self._text()
        self._array = None

    def box(self) -> Box:
        return self.left, self.top, self.left + self.width - 1, self.top + self.height - 1

    def to_json(self) -> Json:
        return {"bitmap": {"origin": [self.left, self.top], "data": self._text()}}

    def _text(self) -> str:
        if self.text is None:
            assert self._array is not None
            return self._encode(self._array)
        return self.text


class Bitmap(Pixels[np.bool_]):
    """A mask (height, width) bool."""

    shape = "bitmap"
    empty = "the bitmap is empty: no pixel is set"

    @classmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[np.bool_], bool]:
        return bitmap_coding.decode_mask(text, limits)

    @classmethod
    def _encode(cls, array: NDArray[np.bool_]) -> str:
        return bitmap_coding.encode_mask(array)

    def draw(self, canvas: Canvas, color: Color) -> None:
        paint(canvas, self.left, self.top, self.array, color)


class AlphaMask(Pixels[np.uint8]):
    """Opacity (height, width) uint8, blended into the canvas and cut off to whole numbers, where it is above 0."""

    shape = "alpha_mask"
    empty = "the alpha mask is empty: every pixel is transparent"

    @classmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[np.uint8], bool]:
        return bitmap_coding.decode_alpha(text, limits)

    @classmethod
    def _encode(cls, array: NDArray[np.uint8]) -> str:
        return bitmap_coding.encode_alpha(array)

    def draw(self, canvas: Canvas, color: Color) -> None:
        whole = self.array
        rows = max(1, BLENDED // self.width)
        for start in range(0, self.height, rows):
            alpha = whole[start : start + rows]
            top = self.top + start
            region = canvas[top : top + len(alpha), self.left : self.left + self.width]
            opacity = alpha / 255.0
            for channel, value in enumerate(color if isinstance(color, tuple) else (color,)):
                plane = region[:, :, channel] if canvas.ndim == 3 else region
                blended = plane * (1 - opacity) + opacity * value
                np.copyto(plane, blended.astype(np.uint8), where=alpha > 0)

    def draw_solid(self, canvas: Canvas, color: Color) -> None:
        """Paint every pixel of some opacity: where the mask lies, not how it blends."""
        paint(canvas, self.left, self.top, self.array > 0, color)


@dataclass(slots=True)
class MultichannelBitmap:
    """Scores (height, width, channels), of which only the bounding box is drawn: they are decoded for a cut alone.

    text: None where `array` has been cut and has to be coded anew.
    """

    shape: ClassVar[str] = "multichannelBitmap"
    left: int
    top: int
    height: int
    width: int
    text: str | None
    array: NDArray[Any] | None = None
    limits: Limits = LIMITS

    @classmethod
    def parse(cls, data: Json, limits: Limits = LIMITS) -> MultichannelBitmap:
        left, top, text = _origin_and_data(data, cls.shape)
        height, width, _ = bitmap_coding.shape_of_channels(text, limits)
        return cls(left, top, height, width, text, None, limits)

    def decoded(self) -> NDArray[Any]:
        """The array (height, width, channels)."""
        assert self.text is not None
        return bitmap_coding.decode_channels(self.text, self.limits)

    def box(self) -> Box:
        return self.left, self.top, self.left + self.width - 1, self.top + self.height - 1

    def draw(self, canvas: Canvas, color: Color) -> None:
        left, top, right, bottom = self.box()
        canvas[top : bottom + 1, left : right + 1] = color

    def forget(self) -> None:
        """Keep the text alone."""
        self.text, self.array = self._text(), None

    def to_json(self) -> Json:
        return {self.shape: {"origin": [self.left, self.top], "data": self._text()}}

    def _text(self) -> str:
        if self.text is None:
            assert self.array is not None
            return bitmap_coding.encode_channels(self.array)
        return self.text


def _origin_and_data(data: Json, key: str) -> tuple[int, int, str]:
    holder = data.get(key)
    if not isinstance(holder, dict) or "origin" not in holder or "data" not in holder:
        raise ValueError(f'"{key}" must be an object with "origin" and "data"')
    origin = as_points([holder["origin"]], '"origin"')
    return int(origin[0, 0]), int(origin[0, 1]), holder["data"]


def _without_margins(left: int, top: int, pixels: NDArray[T], empty: str) -> tuple[int, int, NDArray[T]]:
    """The pixels without empty rows and columns at their edges, and where they then lie."""
    columns, rows = np.flatnonzero(pixels.any(axis=0)), np.flatnonzero(pixels.any(axis=1))
    if not len(rows):
        raise ValueError(empty)
    x0, x1, y0, y1 = int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])
    inner = pixels[y0 : y1 + 1, x0 : x1 + 1]
    if 2 * inner.size < pixels.size:
        inner = inner.copy()  # a view would keep the whole in memory
    return left + x0, top + y0, inner


def window(left: int, top: int, pixels: NDArray[T], width: int, height: int) -> tuple[int, int, NDArray[T]]:
    """The part of an array placed at left, top that lies in the picture, and its new place."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + pixels.shape[1], width), min(top + pixels.shape[0], height)
    return x0, y0, pixels[y0 - top : max(y1, y0) - top, x0 - left : max(x1, x0) - left]
