"""Geometries made of pixels: bitmap, alpha_mask, multichannelBitmap. Their coding stands in bitmap_coding.py.

Each keeps the text that it was read from and writes it again while nothing changed the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import bitmap_coding
from airflow_savemasks.engine.geometry import Box, Canvas, Colour, Json, as_points, paint

T = TypeVar("T", bound=np.generic)


@dataclass(slots=True)
class Bitmap:
    """A mask (height, width) bool whose top left pixel lies at left, top."""

    shape: ClassVar[str] = "bitmap"
    left: int
    top: int
    mask: NDArray[np.bool_]
    text: str | None

    @classmethod
    def parse(cls, data: Json) -> Bitmap:
        left, top, text = _origin_and_data(data, "bitmap")
        whole, again = bitmap_coding.decode_mask(text)
        left, top, mask = _without_margins(left, top, whole, "the bitmap is empty: no pixel is set")
        return cls(left, top, mask, text if again and mask.shape == whole.shape else None)

    def box(self) -> Box:
        return _box(self.left, self.top, self.mask)

    def draw(self, canvas: Canvas, colour: Colour) -> None:
        paint(canvas, self.left, self.top, self.mask, colour)

    def to_json(self) -> Json:
        text = bitmap_coding.encode_mask(self.mask) if self.text is None else self.text
        return {"bitmap": {"origin": [self.left, self.top], "data": text}}


@dataclass(slots=True)
class AlphaMask:
    """Opacity (height, width) uint8, blended into the canvas and cut off to whole numbers, where it is above 0."""

    shape: ClassVar[str] = "alpha_mask"
    left: int
    top: int
    alpha: NDArray[np.uint8]
    text: str | None

    @classmethod
    def parse(cls, data: Json) -> AlphaMask:
        left, top, text = _origin_and_data(data, "bitmap")
        whole, again = bitmap_coding.decode_alpha(text)
        left, top, alpha = _without_margins(left, top, whole, "the alpha mask is empty: every pixel is transparent")
        return cls(left, top, alpha, text if again and alpha.shape == whole.shape else None)

    def box(self) -> Box:
        return _box(self.left, self.top, self.alpha)

    def draw(self, canvas: Canvas, colour: Colour) -> None:
        height, width = self.alpha.shape
        region = canvas[self.top : self.top + height, self.left : self.left + width]
        opacity = self.alpha / 255.0
        for channel, value in enumerate(colour if isinstance(colour, tuple) else (colour,)):
            plane = region[:, :, channel] if canvas.ndim == 3 else region
            blended = plane * (1 - opacity) + opacity * value
            np.copyto(plane, blended.astype(np.uint8), where=self.alpha > 0)

    def draw_solid(self, canvas: Canvas, colour: Colour) -> None:
        """Paint every pixel of some opacity: where the mask lies, not how it blends."""
        paint(canvas, self.left, self.top, self.alpha > 0, colour)

    def to_json(self) -> Json:
        text = bitmap_coding.encode_alpha(self.alpha) if self.text is None else self.text
        return {"bitmap": {"origin": [self.left, self.top], "data": text}}


@dataclass(slots=True)
class MultichannelBitmap:
    """An array (height, width, channels) of scores; drawn as its whole bounding box."""

    shape: ClassVar[str] = "multichannelBitmap"
    left: int
    top: int
    array: NDArray[Any]
    text: str | None

    @classmethod
    def parse(cls, data: Json) -> MultichannelBitmap:
        left, top, text = _origin_and_data(data, cls.shape)
        return cls(left, top, bitmap_coding.decode_channels(text), text)

    def box(self) -> Box:
        return _box(self.left, self.top, self.array)

    def draw(self, canvas: Canvas, colour: Colour) -> None:
        left, top, right, bottom = self.box()
        canvas[top : bottom + 1, left : right + 1] = colour

    def to_json(self) -> Json:
        text = bitmap_coding.encode_channels(self.array) if self.text is None else self.text
        return {self.shape: {"origin": [self.left, self.top], "data": text}}


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
    return left + x0, top + y0, pixels[y0 : y1 + 1, x0 : x1 + 1]


def _box(left: int, top: int, pixels: NDArray[Any]) -> Box:
    return left, top, left + pixels.shape[1] - 1, top + pixels.shape[0] - 1
