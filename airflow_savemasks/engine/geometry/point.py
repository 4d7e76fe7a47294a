"""A point: one pixel, or a disc (supervisely-format, sections 2 and 4; its width: more-masks, section 9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, Stamp, WholeOrNothing, widened
from airflow_savemasks.engine.geometry.contours import few_points
from airflow_savemasks.engine.geometry.nodes import draw_point


@dataclass(slots=True)
class Point(WholeOrNothing):
    shape: ClassVar[str] = "point"
    x: int
    y: int
    width: int = 1

    @classmethod
    def parse(cls, data: Json, given: Given) -> Point:
        exterior = few_points(data)
        if len(exterior) != 1:
            raise ValueError(f"a point needs exactly 1 point, it has {len(exterior)}")
        return cls(*exterior[0], given.line_width)

    def box(self) -> Box:
        return self.x, self.y, self.x, self.y

    def painted_box(self) -> Box:
        return widened(self.box(), self.width)

    def stroked_pixels(self, height: int, width: int) -> float:
        return min(self.width * self.width, height * width)

    def lies_inside(self, width: int, height: int) -> bool:
        return 0 <= self.x < width and 0 <= self.y < height

    def draw(self, canvas: Canvas, color: Color) -> None:
        draw_point(canvas, self.x, self.y, self.width, color)

    def stamp(self) -> Stamp | None:
        return Stamp(self.x, self.y, 1, 1) if self.width == 1 else None

    def to_json(self) -> Json:
        return {"points": {"exterior": [[self.x, self.y]], "interior": []}}
