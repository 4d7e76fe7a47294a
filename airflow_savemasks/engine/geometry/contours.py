"""What geometries of contours share: reading exterior and holes, and the ring, a polygon with its holes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import cv2
import numpy as np

from airflow_savemasks.engine.geometry.base import (
    Box,
    Canvas,
    Color,
    Json,
    Points,
    as_points,
    box_of,
    json_points,
    paint,
    rows_above,
)

NEAR = 2**60  # numbers up to here need no look at what numpy makes of them


@dataclass(slots=True)
class Ring:
    """A polygon: exterior and holes, each an int array (n >= 3, 2)."""

    exterior: Points
    holes: list[Points] = field(default_factory=list)

    def box(self) -> Box:
        return box_of(self.exterior)

    def draw(self, canvas: Canvas, color: Color) -> None:
        """One fillPoly for the exterior, one for all holes: where two holes overlap the area stays filled."""
        if not self.holes:
            cv2.fillPoly(canvas, [self.exterior.astype(np.int32)], color)
            return
        left, top, right, bottom = box_of(np.concatenate([self.exterior, *self.holes]))
        height, width = canvas.shape[:2]
        if left < 0 or top < 0 or right >= width or bottom >= height:
            # cv2 clips slanted edges at the border of what it draws into, so that border has to be the canvas's
            left, top, right, bottom = 0, 0, width - 1, height - 1
        mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
        cv2.fillPoly(mask, [self.exterior.astype(np.int32)], 1, offset=(-left, -top))
        cv2.fillPoly(mask, [hole.astype(np.int32) for hole in self.holes], 0, offset=(-left, -top))
        paint(canvas, left, top, mask.view(np.bool_), color)

    def outline(self) -> list[Points]:
        """What is filled together."""
        return [self.exterior, *self.holes]

    def rows_above(self) -> int:
        """A hole may reach out of the picture though the exterior does not: such a polygon is not clipped."""
        return sum(map(rows_above, self.holes))

    def area(self) -> float:
        """The formula's value, not the painted pixels: lobes that cross cancel, holes count whole wherever they lie."""
        return _area(self.exterior) - sum(map(_area, self.holes))

    def to_json(self) -> Json:
        return {"exterior": json_points(self.exterior), "interior": [json_points(hole) for hole in self.holes]}


def contours_of(data: Json) -> tuple[Points, list[Points]]:
    """`points` of a label's JSON as exterior and holes, each an int array (n, 2). Raises ValueError."""
    points = data.get("points")
    if not isinstance(points, dict) or "exterior" not in points or "interior" not in points:
        raise ValueError('"points" must be an object with "exterior" and "interior"')
    if not isinstance(points["interior"], list):
        raise ValueError('"interior" must be a list of contours')
    return as_points(points["exterior"], '"exterior"'), [as_points(hole, '"interior"') for hole in points["interior"]]


def few_points(data: Json) -> list[tuple[int, int]]:
    """The exterior in a label's JSON, for geometries of one or two points, which may be thousands on a picture.

    As `contours_of` reads it and with its errors, which makes arrays; where all is as it should be, none is needed.
    """
    points = data.get("points")
    if isinstance(points, dict) and points.get("interior") == []:
        found = points.get("exterior")
        if isinstance(found, list) and found:
            plain = [_plain(point) for point in found]
            if None not in plain:
                return cast("list[tuple[int, int]]", plain)
    exterior, _ = contours_of(data)
    return [(x, y) for x, y in exterior.tolist()]


def _plain(point: Any) -> tuple[int, int] | None:
    """A list of two whole numbers of some 60 bits, None for anything else; true and false are numbers to numpy, too."""
    if type(point) is not list or len(point) != 2:
        return None
    x, y = point
    return (x, y) if type(x) is int and type(y) is int and -NEAR < x < NEAR and -NEAR < y < NEAR else None


def _area(ring: Points) -> float:
    """Half the sum of the cross products around the ring (the shoelace formula; more-masks, section 9.1)."""
    x, y = ring.astype(np.float64).T
    return float(0.5 * abs((x * np.roll(y, 1)).sum() - (y * np.roll(x, 1)).sum()))
