"""A point: one pixel (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, Stamp, WholeOrNothing
from airflow_savemasks.engine.geometry.contours import few_points


@dataclass(slots=True)
class Point(WholeOrNothing):
    shape: ClassVar[str] = "point"
    x: int
    y: int

    @classmethod
    def parse(cls, data: Json, given: Given) -> Point:
        exterior = few_points(data)
        if len(exterior) != 1:
            raise ValueError(f"a point needs exactly 1 point, it has {len(exterior)}")
        return cls(*exterior[0])

    def box(self) -> Box:
        return self.x, self.y, self.x, self.y

    def lies_inside(self, width: int, height: int) -> bool:
        return 0 <= self.x < width and 0 <= self.y < height

    def draw(self, canvas: Canvas, color: Color) -> None:
        canvas[self.y, self.x] = color

    def stamp(self) -> Stamp:
        return Stamp(self.x, self.y, 1, 1)

    def to_json(self) -> Json:
        return {"points": {"exterior": [[self.x, self.y]], "interior": []}}
