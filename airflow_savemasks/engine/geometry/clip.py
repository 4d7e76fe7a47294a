"""Clipping contours at a picture's border (supervisely-format, section 3).

A slanted edge over the border gets a new, whole-number vertex there, so it moves a little: clipping while drawing
would give other pixels. Shapely is imported when the first polygon or line crosses a border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.base import Points
from airflow_savemasks.engine.geometry.contours import Ring
from airflow_savemasks.engine.geometry.crossings import estimate_crossings
from airflow_savemasks.engine.limits import Limits


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
        inside = whole.buffer(0).intersection(_frame(width, height))
    except (shapely.errors.ShapelyError, ValueError):
        return []  # the SDK drops a polygon that GEOS cannot cut (section 3 of the specification)
    pieces = []
    for polygon in _flat(inside, "Polygon"):
        exterior, *holes = (_open(np.array(piece.coords)) for piece in (polygon.exterior, *polygon.interiors))
        if len(exterior) >= 3:
            pieces.append(Ring(_rounded(exterior), [_rounded(hole) for hole in holes if len(hole) > 2]))
    return pieces


def clip_line(points: Points, width: int, height: int) -> list[Points]:
    """Pieces that continue each other are joined; vertices are floored."""
    import shapely

    try:
        inside = shapely.LineString(points[:, ::-1]).intersection(_frame(width, height))
    except shapely.errors.ShapelyError as error:
        raise ValueError(f"the line cannot be cut at the border of the picture ({error})") from error
    pieces: list[list[tuple[float, ...]]] = []
    for line in _flat(inside, "LineString"):
        coordinates = list(line.coords)
        if pieces and pieces[-1][-1] == coordinates[0]:
            pieces[-1] += coordinates[1:]
        else:
            pieces.append(coordinates)
    return [np.array([(math.floor(x), math.floor(y)) for y, x in piece], np.int64) for piece in pieces]


def _frame(width: int, height: int) -> Any:
    import shapely

    bottom, right = height - 1, width - 1
    return shapely.Polygon([(0, 0), (0, right), (bottom, right), (bottom, 0)])


def _flat(figure: Any, kind: str) -> Iterator[Any]:
    """Figures of one kind in a collection, however nested; empty ones and other kinds (mere contacts) are left out."""
    if figure.geom_type == kind:
        if not figure.is_empty:
            yield figure
    else:
        for part in getattr(figure, "geoms", ()):
            yield from _flat(part, kind)


def _open(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the closing point."""
    return ring[:-1] if len(ring) > 1 and (ring[0] == ring[-1]).all() else ring


def _rounded(rows_first: NDArray[np.float64]) -> Points:
    return np.rint(rows_first[:, ::-1]).astype(np.int64)
