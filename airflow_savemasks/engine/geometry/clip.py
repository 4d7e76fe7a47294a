"""Clipping contours at a picture's border (supervisely-format, section 3).

A slanted edge over the border gets a new, whole-number vertex there, so it moves a little: clipping while drawing
would give other pixels. Shapely is imported when the first polygon or line crosses a border.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.base import Points
from airflow_savemasks.engine.geometry.contours import Ring
from airflow_savemasks.engine.geometry.crossings import estimate_crossings
from airflow_savemasks.engine.limits import Limits

LINE, POLYGON, FIRST_COLLECTION = 1, 3, 4  # numbers of types in shapely; what follows them are collections


def check_crossings(outlines: Sequence[Sequence[Points]], limits: Limits, *, inside: bool, closed: bool = True) -> None:
    """Raises TooLarge where an outline crosses itself so often that clipping or filling it would take minutes.

    outlines: groups of int arrays (n, 2) that are drawn together; inside: they need no clipping, which takes longer.
    """
    name = "crossings" if inside else "cut_crossings"
    for group in outlines:
        limits.check(name, estimate_crossings(group, getattr(limits, name), closed=closed))


def clip_ring(ring: Ring, width: int, height: int) -> list[Ring]:
    """Shapely's intersection in (row, column) order as the SDK has it; new vertices are rounded half to even."""
    import shapely

    rows_first = [points[:, ::-1] for points in (ring.exterior, *ring.holes)]
    try:
        whole = shapely.Polygon(rows_first[0], holes=rows_first[1:])
        inside = whole.buffer(0).intersection(_frames.of(width, height))
    except (shapely.errors.ShapelyError, ValueError):
        return []  # the SDK drops a polygon that GEOS cannot cut (section 3 of the specification)
    pieces = []
    parts = _flat(inside)
    for polygon in parts[shapely.get_type_id(parts) == POLYGON]:
        exterior, *holes = (_open(np.array(piece.coords)) for piece in (polygon.exterior, *polygon.interiors))
        if len(exterior) >= 3:
            pieces.append(Ring(_rounded(exterior), [_rounded(hole) for hole in holes if len(hole) > 2]))
    return pieces


def clip_line(points: Points, width: int, height: int) -> list[Points]:
    """Pieces that continue each other are joined; vertices are floored."""
    import shapely

    try:
        inside = shapely.LineString(points[:, ::-1]).intersection(_frames.of(width, height))
    except shapely.errors.ShapelyError as error:
        raise ValueError(f"the line cannot be cut at the border of the picture ({error})") from error
    if inside.geom_type == "LineString" and not inside.is_empty:
        return [np.ascontiguousarray(np.floor(shapely.get_coordinates(inside)[:, ::-1]), np.int64)]
    parts = _flat(inside)
    coordinates, part_of = shapely.get_coordinates(parts[shapely.get_type_id(parts) == LINE], return_index=True)
    if not len(coordinates):
        return []
    begins = np.flatnonzero(np.diff(part_of)) + 1
    continues = (coordinates[begins] == coordinates[begins - 1]).all(axis=1)
    kept = np.ones(len(coordinates), np.bool_)
    kept[begins[continues]] = False
    cuts = np.cumsum(kept)[begins[~continues]] - 1
    return np.split(np.ascontiguousarray(np.floor(coordinates[kept][:, ::-1]), np.int64), cuts)


class _Frames(threading.local):
    """The frame of the last picture's size. One for each thread: GEOS notes in a figure what it finds out of it."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._frame: Any = None

    def of(self, width: int, height: int) -> Any:
        import shapely

        if self._size != (width, height):
            bottom, right = height - 1, width - 1
            self._frame = shapely.Polygon([(0, 0), (0, right), (bottom, right), (bottom, 0)])
            self._size = width, height
        return self._frame


_frames = _Frames()


def _flat(figure: Any) -> NDArray[np.object_]:
    """The points, lines and polygons that a figure is a collection of, however nested, in their order.

    Without a loop over them: a line that crosses itself has thousands, and a loop holds the GIL for longer than GEOS,
    which works without it, takes for the cut.
    """
    import shapely

    parts: NDArray[np.object_] = shapely.get_parts(figure)
    while (shapely.get_type_id(parts) >= FIRST_COLLECTION).any():
        parts = shapely.get_parts(parts)
    return parts


def _open(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the closing point."""
    return ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring


def _rounded(rows_first: NDArray[np.float64]) -> Points:
    return np.rint(rows_first[:, ::-1]).astype(np.int64)
