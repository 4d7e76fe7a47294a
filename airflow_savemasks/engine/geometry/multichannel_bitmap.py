"""Scores of pixels in channels, drawn as their box (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from airflow_savemasks.engine.geometry import bitmap_coding
from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Geometry, Given, Json, Stamp
from airflow_savemasks.engine.geometry.pixels import origin_and_data, window
from airflow_savemasks.engine.limits import LIMITS, Limits


@dataclass(slots=True)
class MultichannelBitmap(Geometry):
    """Scores (height, width, channels), of which only the bounding box is drawn: they are decoded for clipping alone.

    text: None where `array` has been clipped and has to be coded anew.
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
    def parse(cls, data: Json, given: Given) -> MultichannelBitmap:
        left, top, text = origin_and_data(data, cls.shape)
        height, width, _ = bitmap_coding.shape_of_channels(text, given.limits)
        return cls(left, top, height, width, text, None, given.limits)

    def decoded(self) -> NDArray[Any]:
        """The array (height, width, channels)."""
        assert self.text is not None
        return bitmap_coding.decode_channels(self.text, self.limits)

    def box(self) -> Box:
        return self.left, self.top, self.left + self.width - 1, self.top + self.height - 1

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        if self.lies_inside(width, height):
            return [self]
        left, top, array = window(self.left, self.top, self.decoded(), width, height)
        tall, wide = array.shape[:2]
        return [MultichannelBitmap(left, top, tall, wide, None, array.copy())] if tall and wide else []

    def draw(self, canvas: Canvas, color: Color) -> None:
        left, top, right, bottom = self.box()
        canvas[top : bottom + 1, left : right + 1] = color

    def stamp(self) -> Stamp:
        return Stamp(self.left, self.top, self.height, self.width)

    def area(self) -> float:
        return self.height * self.width

    def held_pixels(self) -> int:
        return self.height * self.width

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
