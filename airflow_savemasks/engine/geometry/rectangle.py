"""A rectangle along the axes (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Geometry, Given, Json, Stamp
from airflow_savemasks.engine.geometry.contours import few_points
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class Rectangle(Geometry):
    """Two opposite corners; right and bottom are filled too."""

    shape: ClassVar[str] = "rectangle"
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def parse(cls, data: Json, given: Given) -> Rectangle:
        exterior = few_points(data)
        if len(exterior) != 2:
            raise ValueError(f"a rectangle needs exactly 2 points, it has {len(exterior)}")
        (x0, y0), (x1, y1) = exterior
        return cls(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def box(self) -> Box:
        return self.left, self.top, self.right, self.bottom

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        if self.lies_inside(width, height):
            return [self]
        edges = max(self.left, 0), max(self.top, 0), min(self.right, width - 1), min(self.bottom, height - 1)
        return [Rectangle(*edges)] if edges[0] <= edges[2] and edges[1] <= edges[3] else []

    def draw(self, canvas: Canvas, color: Color) -> None:
        canvas[self.top : self.bottom + 1, self.left : self.right + 1] = color

    def stamp(self) -> Stamp:
        return Stamp(self.left, self.top, self.bottom - self.top + 1, self.right - self.left + 1)

    def area(self) -> float:
        return (self.right - self.left + 1) * (self.bottom - self.top + 1)

    def to_json(self) -> Json:
        return {"points": {"exterior": [[self.left, self.top], [self.right, self.bottom]], "interior": []}}
