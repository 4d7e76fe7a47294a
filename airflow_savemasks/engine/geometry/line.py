"""A line of one or more segments (supervisely-format, sections 2 and 4; its width: more-masks, section 9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from airflow_savemasks.engine.geometry.base import (
    Box,
    Canvas,
    Color,
    Geometry,
    Given,
    Json,
    Points,
    box_of,
    json_points,
    stroked,
    widened,
)
from airflow_savemasks.engine.geometry.clip import check_crossings, clip_line
from airflow_savemasks.engine.geometry.contours import contours_of
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class Line(Geometry):
    shape: ClassVar[str] = "line"
    points: Points
    width: int = 1

    @classmethod
    def parse(cls, data: Json, given: Given) -> Line:
        exterior, _ = contours_of(data)
        if len(exterior) < 2:
            raise ValueError(f"a line needs at least 2 points, it has {len(exterior)}")
        return cls(exterior, given.line_width)

    def box(self) -> Box:
        return box_of(self.points)

    def painted_box(self) -> Box:
        return widened(self.box(), self.width)

    def stroked_pixels(self, height: int, width: int) -> float:
        return stroked(self.points[:-1], self.points[1:], self.width, height, width)

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        if self.lies_inside(width, height):
            return [self]
        check_crossings([[self.points]], limits, inside=False, closed=False)
        return [Line(points, self.width) for points in clip_line(self.points, width, height)]

    def draw(self, canvas: Canvas, color: Color) -> None:
        cv2.polylines(canvas, [self.points.astype(np.int32)], isClosed=False, color=color, thickness=self.width)

    def area(self) -> float:
        return 0

    def to_json(self) -> Json:
        return {"points": {"exterior": json_points(self.points), "interior": []}}
