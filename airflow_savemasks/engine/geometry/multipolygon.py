"""Several polygons that are one label (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Geometry, Given, Json, as_points, box_of
from airflow_savemasks.engine.geometry.clip import check_crossings, clip_ring
from airflow_savemasks.engine.geometry.contours import Ring
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class Multipolygon(Geometry):
    shape: ClassVar[str] = "multipolygon"
    polygons: list[Ring]

    @classmethod
    def parse(cls, data: Json, given: Given) -> Multipolygon:
        parts = data.get("parts")
        if not isinstance(parts, list) or not parts:
            raise ValueError('a multipolygon needs "parts" with at least one polygon')
        return cls([cls._polygon(part) for part in parts])

    @staticmethod
    def _polygon(part: Json) -> Ring:
        if not isinstance(part, dict) or "exterior" not in part:
            raise ValueError('a part of a multipolygon needs "exterior"')
        holes = part.get("interior", [])
        if not isinstance(holes, list):
            raise ValueError('"interior" of a part must be a list of contours')
        rings = [as_points(ring, "a part") for ring in (part["exterior"], *holes)]
        if any(len(ring) < 3 for ring in rings):
            raise ValueError("a contour of a multipolygon needs at least 3 points")
        return Ring(rings[0], rings[1:])

    def box(self) -> Box:
        return box_of(np.concatenate([polygon.exterior for polygon in self.polygons]))

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        inside = self.lies_inside(width, height)
        check_crossings([polygon.outline() for polygon in self.polygons], limits, inside=inside)
        if inside:
            return [self]
        rings = [piece for polygon in self.polygons for piece in clip_ring(polygon, width, height)]
        return [Multipolygon(rings)] if rings else []

    def rows_above(self) -> int:
        return sum(polygon.rows_above() for polygon in self.polygons)

    def draw(self, canvas: Canvas, color: Color) -> None:
        for polygon in self.polygons:
            polygon.draw(canvas, color)

    def area(self) -> float:
        return sum(polygon.area() for polygon in self.polygons)

    def to_json(self) -> Json:
        return {"parts": [polygon.to_json() for polygon in self.polygons]}
