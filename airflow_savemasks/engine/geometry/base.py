"""What all geometries share: their base, points and painting (supervisely-format, sections 2 and 4).

Points are int arrays (n, 2) of x, y, floored when read. A canvas is (height, width) or (height, width, 3), uint8 or
uint16; the color is an int or a triple to match. Nothing is anti-aliased.
Each geometry has a file of its own; table.py finds one by its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.ahead import Ahead
from airflow_savemasks.engine.limits import LIMITS, Limits

Points = NDArray[np.int64]
Canvas = NDArray[Any]
Color = int | tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are inside
Json = dict[str, Any]
MANY = 32  # points from which on they are written as an array
FARTHEST = 2.0**63  # coordinates are int64, and a float from here on would turn into another one


@dataclass(frozen=True, slots=True)
class Given:
    """What a geometry is read with besides its own JSON.

    template: its class's (of graphs); limits: what is too large; ahead: the pixels of the annotation's labels;
    line_width: that lines and points are drawn with (more-masks, section 9.2).
    """

    template: Json = field(default_factory=dict)
    limits: Limits = LIMITS
    ahead: Ahead | None = None
    line_width: int = 1


class Stamp(NamedTuple):
    """What is painted with one number: a box of pixels, or what lies in it under a mask (height, width) of bytes."""

    left: int
    top: int
    height: int
    width: int
    mask: NDArray[Any] | None = None


class Geometry(ABC):
    """What every geometry can do. A new one is a file with a subclass, and a line in table.py (CONTRIBUTING.md)."""

    blends: ClassVar[bool] = False  # its colors depend on what lies below it
    __slots__ = ()

    @property
    @abstractmethod
    def shape(self) -> str:
        """Its name in JSON; the subclasses have it as a class variable."""

    @classmethod
    @abstractmethod
    def parse(cls, data: Json, given: Given) -> Self:
        """The geometry of a label's JSON. Raises ValueError with the reason, TooLarge above one of the limits."""

    @abstractmethod
    def box(self) -> Box:
        """Bounding box in whole pixels, as clipping sees it."""

    def painted_box(self) -> Box:
        """A box that holds all that is painted, which may lie outside of the picture."""
        return self.box()

    def stroked_pixels(self, height: int, width: int) -> float:
        """About how many pixels its lines and points paint on a canvas, each time counted; 0 where it is filled."""
        return 0

    def rows_above(self) -> int:
        """Rows above the picture that drawing follows its edges through, each edge counted, once it is clipped."""
        return 0

    @abstractmethod
    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        """What of it lies in a picture of width x height pixels: itself where all does, nothing, or pieces of it.

        Comes before everything else (supervisely-format, section 3). Raises ValueError where it cannot be clipped,
        TooLarge where that, or drawing it, would take minutes.
        """

    @abstractmethod
    def draw(self, canvas: Canvas, color: Color) -> None:
        """Paint into the canvas of the picture that it was clipped to."""

    def draw_solid(self, canvas: Canvas, color: Color) -> None:
        """Paint wherever it lies, without blending."""
        self.draw(canvas, color)

    def stamp(self) -> Stamp | None:
        """What `draw_solid` paints, where it is so little that many are better painted together."""
        return None

    @abstractmethod
    def area(self) -> float:
        """In pixels as the SDK counts them, which are not always those painted (more-masks, section 9.1)."""

    @abstractmethod
    def to_json(self) -> Json:
        """The keys of the geometry, with floored coordinates, for orjson with OPT_SERIALIZE_NUMPY."""

    def held_pixels(self) -> int:
        """Pixels that are kept decoded until it is drawn."""
        return 0

    def forget(self) -> None:  # noqa: B027 - most have nothing to forget
        """Free what can be decoded again."""

    def lies_inside(self, width: int, height: int) -> bool:
        """Whether its box lies in a picture of width x height pixels."""
        left, top, right, bottom = self.box()
        return left >= 0 and top >= 0 and right < width and bottom < height


class WholeOrNothing(Geometry):
    """A geometry that vanishes when any of its points is outside, and has no area."""

    __slots__ = ()

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        return [self] if self.lies_inside(width, height) else []

    def area(self) -> float:
        return 0


def paint(canvas: Canvas, left: int, top: int, mask: NDArray[np.bool_], color: Color) -> None:
    """Give `color` to the pixels of a canvas that lie under the true pixels of a mask placed at left, top."""
    height, width = mask.shape
    region = canvas[top : top + height, left : left + width]
    # a hundred times faster than numpy's masked assignment
    cv2.copyTo(np.full_like(region, color), mask.view(np.uint8), region)


def widened(box: Box, line_width: int) -> Box:
    """A box of lines or points with what they paint around it."""
    more = (line_width + 1) // 2 if line_width > 1 else 0
    left, top, right, bottom = box
    return left - more, top - more, right + more, bottom + more


def stroked(points: Points, others: Points, line_width: int, height: int, width: int) -> float:
    """About how many pixels segments from points to others, (n, 2) each, paint on a canvas, overlaps counted."""
    most = float(np.hypot(height, width))
    lengths = np.minimum(np.hypot(*(others - points).T.astype(np.float64)), most)
    return float(np.minimum((lengths + line_width) * line_width, height * width).sum())


def box_of(points: Points) -> Box:
    """Bounding box of points (n >= 1, 2)."""
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right, bottom


def rows_above(ring: Points) -> int:
    """Rows above y = 0 that filling a ring (n, 2) follows its edges through, one after the other, each edge counted."""
    y = np.clip(ring[:, 1], -(2**31), 0).astype(np.int64)  # OpenCV's points have 32 bits
    return int(np.abs(np.diff(y, append=y[:1])).sum())


def as_points(raw: Any, what: str, *, longer: bool = False) -> Points:
    """JSON [[x, y], ...] -> floored int array (n, 2); n may be 0. ValueError where it is something else.

    longer: a point may have more than two members, which are left out.
    """
    if not isinstance(raw, list):
        raise ValueError(f"{what} must be a list of [x, y]")
    if not raw:
        return np.empty((0, 2), np.int64)
    try:
        points = _flat_points(raw) if len(raw) >= MANY and not longer else None
        if points is None:
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


def _flat_points(raw: list[Any]) -> NDArray[Any] | None:
    """The same array (n, 2) as of `np.array(raw)`, in half the time; None where that has the say.

    numpy looks at each pair as an array of its own. One after the other the numbers are the same, and have the same
    type, if each point is a list of two.
    """
    if set(map(type, raw)) != {list} or set(map(len, raw)) != {2}:
        return None
    flat = np.array(list(chain.from_iterable(raw)))
    return flat.reshape(-1, 2) if flat.ndim == 1 else None


def json_points(points: Points) -> Any:
    """Points (n, 2) as [[x, y], ...] for orjson: many of them as the array, which it writes without a list for each."""
    return points.tolist() if len(points) < MANY else np.ascontiguousarray(points)
