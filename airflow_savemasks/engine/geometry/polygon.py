"""A polygon: an exterior and holes (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Geometry, Given, Json, Points
from airflow_savemasks.engine.geometry.clip import check_crossings, clip_ring
from airflow_savemasks.engine.geometry.contours import Ring, contours_of
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class Polygon(Geometry):
    shape: ClassVar[str] = "polygon"
    ring: Ring

    @classmethod
    def parse(cls, data: Json, given: Given) -> Polygon:
        exterior, interior = contours_of(data)
        return cls(Ring(_at_least_3(exterior, "exterior"), [_at_least_3(hole, "interior") for hole in interior]))

    def box(self) -> Box:
        return self.ring.box()

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        inside = self.lies_inside(width, height)
        check_crossings([self.ring.outline()], limits, inside=inside)
        return [self] if inside else [Polygon(ring) for ring in clip_ring(self.ring, width, height)]

    def rows_above(self) -> int:
        return self.ring.rows_above()

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.ring.draw(canvas, color)

    def area(self) -> float:
        return self.ring.area()

    def to_json(self) -> Json:
        return {"points": self.ring.to_json()}


def _at_least_3(points: Points, what: str) -> Points:
    """A polygon of 1 or 2 points has its last one repeated, as the SDK does: it is drawn as a dot or a line."""
    if not len(points):
        raise ValueError(f'"{what}" of a polygon has no points')
    if len(points) < 3:
        points = np.concatenate([points, np.repeat(points[-1:], 3 - len(points), axis=0)])
    return points
