"""A rectangle that is turned (supervisely-format, sections 2 and 4)."""

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
    as_points,
    box_of,
    rows_above,
)
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class OrientedBox(Geometry):
    """A rectangle turned by `angle` radians about its whole-pixel centre. It is never clipped: drawing does that."""

    shape: ClassVar[str] = "oriented_bbox"
    left: int
    top: int
    right: int
    bottom: int
    angle: float

    @classmethod
    def parse(cls, data: Json, given: Given) -> OrientedBox:
        points = as_points(data.get("points"), "an oriented box's points", longer=True)
        angle = data.get("angle", "")
        if len(points) != 2 or not (angle is None or isinstance(angle, int | float)):
            raise ValueError('an oriented_bbox needs 2 "points" and an "angle" in radians')
        box = cls(*box_of(points), 0 if angle is None else angle)
        # the box is drawn as it is, never cut before, and OpenCV's points have 32 bits
        left, top, right, bottom = box.box()
        if min(left, top) < -(2**31) or max(right, bottom) >= 2**31:
            raise ValueError("the oriented_bbox reaches too far out of the picture")
        return box

    def box(self) -> Box:
        corners = self.corners()
        return box_of(corners)

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        return [self]

    def corners(self) -> Points:
        """The four turned corners, (4, 2), floored."""
        middle = np.array([(self.left + self.right) // 2, (self.top + self.bottom) // 2])
        square = np.array(
            [[self.left, self.top], [self.right, self.top], [self.right, self.bottom], [self.left, self.bottom]]
        )
        (dx, dy), cos, sin = (square - middle).T, np.cos(self.angle), np.sin(self.angle)
        turned = np.stack([dx * cos - dy * sin, dx * sin + dy * cos], axis=1) + middle
        return np.asarray(np.floor(turned), np.int64)

    def rows_above(self) -> int:
        return rows_above(self.corners())

    def draw(self, canvas: Canvas, color: Color) -> None:
        cv2.fillPoly(canvas, [self.corners().astype(np.int32)], color)

    def area(self) -> float:
        return (self.right - self.left + 1) * (self.bottom - self.top + 1)

    def to_json(self) -> Json:
        return {"points": [[self.left, self.top], [self.right, self.bottom]], "angle": self.angle}
