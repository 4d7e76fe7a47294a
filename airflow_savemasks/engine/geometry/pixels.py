"""What geometries made of pixels share. Their coding stands in bitmap_coding.py.

Each keeps the text that it was read from and writes it again while nothing changed the pixels. What is decoded can be
forgotten, as that takes far more memory than the text.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.base import Box, Geometry, Given, Json, Stamp, as_points
from airflow_savemasks.engine.limits import LIMITS, Limits

T = TypeVar("T", bound=np.generic)


class Pixels(Geometry, Generic[T]):
    """An array (height, width) whose top left pixel lies at left, top, and the text that it is coded as.

    Once forgotten, the array is decoded from its text for each use: a thousand bitmaps as large as their picture take
    the memory of one.
    """

    empty: ClassVar[str]  # why one without a pixel is refused
    dtype: ClassVar[type[np.generic]]

    def __init__(self, left: int, top: int, array: NDArray[T], text: str | None, limits: Limits = LIMITS) -> None:
        self.left, self.top = left, top
        self.height, self.width = array.shape
        self.text = text
        self._array: NDArray[T] | None = array
        self._limits = limits

    @classmethod
    def parse(cls, data: Json, given: Given) -> Self:
        left, top, text = origin_and_data(data, "bitmap")
        found = given.ahead.take(text) if given.ahead else None
        if found is not None and found.pixels.dtype == cls.dtype:
            pixels = cast("NDArray[T]", found.pixels)
            again_text = text if pixels.shape == found.shape else None
            return cls(left + found.left, top + found.top, pixels, again_text, given.limits)
        whole, again = cls._decode(text, given.limits)
        left, top, array = _without_margins(left, top, whole, cls.empty)
        return cls(left, top, array, text if again and array.shape == whole.shape else None, given.limits)

    @classmethod
    @abstractmethod
    def _decode(cls, text: str, limits: Limits) -> tuple[NDArray[T], bool]:
        """Text -> array, and whether the text may be written again as it is."""

    @classmethod
    @abstractmethod
    def _encode(cls, array: NDArray[T]) -> str:
        """The text of an array."""

    @property
    def array(self) -> NDArray[T]:
        if self._array is None:
            return self._decode(self._text(), self._limits)[0]
        return self._array

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        if self.lies_inside(width, height):
            return [self]
        left, top, array = window(self.left, self.top, self.array, width, height)
        return [type(self)(left, top, array.copy(), None, self._limits)] if array.any() else []

    def stamp(self) -> Stamp | None:
        """None once it is forgotten: what is decoded anew lives no longer than its painting."""
        return None if self._array is None else Stamp(self.left, self.top, self.height, self.width, self._array)

    def area(self) -> float:
        return float(np.count_nonzero(self.array))

    def held_pixels(self) -> int:
        return int(self.height * self.width)

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


def origin_and_data(data: Json, key: str) -> tuple[int, int, str]:
    """Left, top and the text of `key` in a label's JSON. Raises ValueError."""
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
