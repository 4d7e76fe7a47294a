"""What all geometries share: the protocol, points and painting (supervisely-format, sections 2 and 4).

Points are int arrays (n, 2) of x, y, floored when read. A canvas is (height, width) or (height, width, 3), uint8 or
uint16; the color is an int or a triple to match. Lines are 1 pixel thick, nothing is anti-aliased.
The geometries stand in vector.py, keypoints.py and bitmap.py; shapes.py finds one by its name.
"""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.int64]
Canvas = NDArray[Any]
Color = int | tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are inside
Json = dict[str, Any]
FARTHEST = 2.0**63  # coordinates are int64, and a float from here on would turn into another one


class Drawable(Protocol):
    """What every geometry can do."""

    @property
    def shape(self) -> str:
        """Its name in JSON."""

    def box(self) -> Box:
        """Bounding box as the canvas cut sees it."""

    def draw(self, canvas: Canvas, color: Color) -> None:
        """Paint into the canvas."""

    def to_json(self) -> Json:
        """The keys of the geometry, with floored coordinates."""


def paint(canvas: Canvas, left: int, top: int, mask: NDArray[np.bool_], color: Color) -> None:
    """Give `color` to the pixels of a canvas that lie under the true pixels of a mask placed at left, top."""
    height, width = mask.shape
    region = canvas[top : top + height, left : left + width]
    # a hundred times faster than numpy's masked assignment
    cv2.copyTo(np.full_like(region, color), mask.view(np.uint8), region)


def box_of(points: Points) -> Box:
    """Bounding box of points (n >= 1, 2)."""
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def as_points(raw: Any, what: str, *, longer: bool = False) -> Points:
    """JSON [[x, y], ...] -> floored int array (n, 2); n may be 0. ValueError where it is something else.

    longer: a point may have more than two members, which are left out.
    """
    if not isinstance(raw, list):
        raise ValueError(f"{what} must be a list of [x, y]")
    if not raw:
        return np.empty((0, 2), np.int64)
    try:
        points = np.array([point[:2] for point in raw] if longer else raw)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{what} must be a list of [x, y]") from error
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind not in "if":
        raise ValueError(f"{what} must be a list of [x, y] numbers")
    if points.dtype.kind == "i":
        return np.asarray(points, np.int64)
    floored = np.floor(points)
    if (np.abs(floored) >= FARTHEST).any():
        raise ValueError(f"{what} has a coordinate that does not fit into 64 bits")
    return np.asarray(floored, np.int64)
