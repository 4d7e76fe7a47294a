"""Geometries made of points: polygon, multipolygon, rectangle, line, point, cuboid, oriented box.

`parse` raises ValueError with the reason; annotation.py adds the place. `draw` expects the geometry inside the canvas,
where the cut (cut.py) leaves it; only the oriented box is clipped by drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import cv2
import numpy as np

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Json, Points, as_points, box_of, paint


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

    def to_json(self) -> Json:
        return {"exterior": self.exterior.tolist(), "interior": [hole.tolist() for hole in self.holes]}


@dataclass(slots=True)
class Polygon:
    shape: ClassVar[str] = "polygon"
    ring: Ring

    @classmethod
    def parse(cls, data: Json) -> Polygon:
        exterior, interior = _contours(data)
        return cls(Ring(_at_least_3(exterior, "exterior"), [_at_least_3(hole, "interior") for hole in interior]))

    def box(self) -> Box:
        return self.ring.box()

    def outlines(self) -> list[list[Points]]:
        """Its rings, as they are filled together."""
        return [[self.ring.exterior, *self.ring.holes]]

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.ring.draw(canvas, color)

    def to_json(self) -> Json:
        return {"points": self.ring.to_json()}


@dataclass(slots=True)
class Multipolygon:
    shape: ClassVar[str] = "multipolygon"
    parts: list[Ring]

    @classmethod
    def parse(cls, data: Json) -> Multipolygon:
        parts = data.get("parts")
        if not isinstance(parts, list) or not parts:
            raise ValueError('a multipolygon needs "parts" with at least one polygon')
        return cls([cls._part(part) for part in parts])

    @staticmethod
    def _part(part: Json) -> Ring:
        if not isinstance(part, dict) or "exterior" not in part:
            raise ValueError('a part of a multipolygon needs "exterior"')
        rings = [as_points(ring, "a part") for ring in (part["exterior"], *part.get("interior", []))]
        if any(len(ring) < 3 for ring in rings):
            raise ValueError("a contour of a multipolygon needs at least 3 points")
        return Ring(rings[0], rings[1:])

    def box(self) -> Box:
        return box_of(np.concatenate([part.exterior for part in self.parts]))

    def outlines(self) -> list[list[Points]]:
        """Its rings, as they are filled together."""
        return [[part.exterior, *part.holes] for part in self.parts]

    def draw(self, canvas: Canvas, color: Color) -> None:
        for part in self.parts:
            part.draw(canvas, color)

    def to_json(self) -> Json:
        return {"parts": [part.to_json() for part in self.parts]}


@dataclass(slots=True)
class Rectangle:
    """Two opposite corners; right and bottom are filled too."""

    shape: ClassVar[str] = "rectangle"
    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def parse(cls, data: Json) -> Rectangle:
        exterior, _ = _contours(data)
        if len(exterior) != 2:
            raise ValueError(f"a rectangle needs exactly 2 points, it has {len(exterior)}")
        return cls(*box_of(exterior))

    def box(self) -> Box:
        return self.left, self.top, self.right, self.bottom

    def draw(self, canvas: Canvas, color: Color) -> None:
        canvas[self.top : self.bottom + 1, self.left : self.right + 1] = color

    def to_json(self) -> Json:
        return {"points": {"exterior": [[self.left, self.top], [self.right, self.bottom]], "interior": []}}


@dataclass(slots=True)
class Line:
    shape: ClassVar[str] = "line"
    points: Points

    @classmethod
    def parse(cls, data: Json) -> Line:
        exterior, _ = _contours(data)
        if len(exterior) < 2:
            raise ValueError(f"a line needs at least 2 points, it has {len(exterior)}")
        return cls(exterior)

    def box(self) -> Box:
        return box_of(self.points)

    def outlines(self) -> list[list[Points]]:
        """Its points, as one open outline."""
        return [[self.points]]

    def draw(self, canvas: Canvas, color: Color) -> None:
        cv2.polylines(canvas, [self.points.astype(np.int32)], isClosed=False, color=color)

    def to_json(self) -> Json:
        return {"points": {"exterior": self.points.tolist(), "interior": []}}


@dataclass(slots=True)
class Point:
    shape: ClassVar[str] = "point"
    x: int
    y: int

    @classmethod
    def parse(cls, data: Json) -> Point:
        exterior, _ = _contours(data)
        if len(exterior) != 1:
            raise ValueError(f"a point needs exactly 1 point, it has {len(exterior)}")
        return cls(int(exterior[0, 0]), int(exterior[0, 1]))

    def box(self) -> Box:
        return self.x, self.y, self.x, self.y

    def draw(self, canvas: Canvas, color: Color) -> None:
        canvas[self.y, self.x] = color

    def to_json(self) -> Json:
        return {"points": {"exterior": [[self.x, self.y]], "interior": []}}


@dataclass(slots=True)
class Cuboid:
    """Three filled faces over shared points; points that no face uses do not count."""

    shape: ClassVar[str] = "cuboid"
    points: Points
    faces: list[list[int]]

    @classmethod
    def parse(cls, data: Json) -> Cuboid:
        points, faces = as_points(data.get("points"), "a cuboid's points"), data.get("faces")
        if not isinstance(faces, list) or len(faces) != 3 or any(len(face) != 4 for face in faces):
            raise ValueError('a cuboid needs "faces": 3 lists of 4 indices')
        if any(not (isinstance(index, int) and 0 <= index < len(points)) for face in faces for index in face):
            raise ValueError(f"a face of the cuboid names a point outside of its {len(points)} points")
        return cls(points, faces)

    def used(self) -> Points:
        """The corners that faces name, (12, 2)."""
        return np.asarray(self.points[np.array(self.faces).ravel()], np.int64)

    def box(self) -> Box:
        return box_of(self.used())

    def draw(self, canvas: Canvas, color: Color) -> None:
        for face in self.faces:
            cv2.fillPoly(canvas, [self.points[face].astype(np.int32)], color)

    def to_json(self) -> Json:
        return {"points": self.points.tolist(), "faces": self.faces}


@dataclass(slots=True)
class OrientedBox:
    """A rectangle turned by `angle` radians about its whole-pixel centre. It is never cut: drawing clips it."""

    shape: ClassVar[str] = "oriented_bbox"
    left: int
    top: int
    right: int
    bottom: int
    angle: float

    @classmethod
    def parse(cls, data: Json) -> OrientedBox:
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

    def corners(self) -> Points:
        """The four turned corners, (4, 2), floored."""
        middle = np.array([(self.left + self.right) // 2, (self.top + self.bottom) // 2])
        square = np.array(
            [[self.left, self.top], [self.right, self.top], [self.right, self.bottom], [self.left, self.bottom]]
        )
        (dx, dy), cos, sin = (square - middle).T, np.cos(self.angle), np.sin(self.angle)
        turned = np.stack([dx * cos - dy * sin, dx * sin + dy * cos], axis=1) + middle
        return np.asarray(np.floor(turned), np.int64)

    def draw(self, canvas: Canvas, color: Color) -> None:
        cv2.fillPoly(canvas, [self.corners().astype(np.int32)], color)

    def to_json(self) -> Json:
        return {"points": [[self.left, self.top], [self.right, self.bottom]], "angle": self.angle}


def _contours(data: Json) -> tuple[Points, list[Points]]:
    points = data.get("points")
    if not isinstance(points, dict) or "exterior" not in points or "interior" not in points:
        raise ValueError('"points" must be an object with "exterior" and "interior"')
    if not isinstance(points["interior"], list):
        raise ValueError('"interior" must be a list of contours')
    return as_points(points["exterior"], '"exterior"'), [as_points(hole, '"interior"') for hole in points["interior"]]


def _at_least_3(points: Points, what: str) -> Points:
    """A polygon of 1 or 2 points has its last one repeated, as the SDK does: it is drawn as a dot or a line."""
    if not len(points):
        raise ValueError(f'"{what}" of a polygon has no points')
    if len(points) < 3:
        points = np.concatenate([points, np.repeat(points[-1:], 3 - len(points), axis=0)])
    return points
