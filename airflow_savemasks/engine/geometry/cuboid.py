"""A cuboid of three filled faces (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from airflow_savemasks.engine.geometry.base import (
    Box,
    Canvas,
    Color,
    Given,
    Json,
    Points,
    WholeOrNothing,
    as_points,
    box_of,
)


@dataclass(slots=True)
class Cuboid(WholeOrNothing):
    """Three filled faces over shared points; points that no face uses do not count."""

    shape: ClassVar[str] = "cuboid"
    points: Points
    faces: list[list[int]]

    @classmethod
    def parse(cls, data: Json, given: Given) -> Cuboid:
        points, faces = as_points(data.get("points"), "a cuboid's points"), data.get("faces")
        if not isinstance(faces, list) or len(faces) != 3 or any(not _is_face(face) for face in faces):
            raise ValueError('a cuboid needs "faces": 3 lists of 4 indices')
        if any(not (isinstance(index, int) and 0 <= index < len(points)) for face in faces for index in face):
            raise ValueError(f"a face of the cuboid names a point outside of its {len(points)} points")
        return cls(points, faces)

    def used(self) -> Points:
        """The corners that faces name, (12, 2)."""
        return np.asarray(self.points[np.array(self.faces, np.intp).ravel()], np.int64)

    def box(self) -> Box:
        return box_of(self.used())

    def draw(self, canvas: Canvas, color: Color) -> None:
        for face in self.faces:
            cv2.fillPoly(canvas, [self.points[np.array(face, np.intp)].astype(np.int32)], color)

    def area(self) -> float:
        """The pixels that its faces paint together."""
        left, top, right, bottom = self.box()
        canvas = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
        Cuboid(self.points - (left, top), self.faces).draw(canvas, 1)
        return int(np.count_nonzero(canvas))

    def to_json(self) -> Json:
        return {"points": self.points.tolist(), "faces": self.faces}


def _is_face(face: Any) -> bool:
    return isinstance(face, list) and len(face) == 4
