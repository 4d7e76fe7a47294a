"""The canvas cut: every geometry is cut to its picture before anything else (supervisely-format, section 3).

A slanted edge over the border gets a new, whole-number vertex there, so it moves a little: clipping while drawing
would give other pixels. Shapely is imported when the first polygon or line crosses a border.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.base import Drawable, Points
from airflow_savemasks.engine.geometry.bitmap import AlphaMask, Bitmap, MultichannelBitmap, window
from airflow_savemasks.engine.geometry.crossings import estimate_crossings
from airflow_savemasks.engine.geometry.vector import Line, Multipolygon, OrientedBox, Polygon, Rectangle, Ring
from airflow_savemasks.engine.limits import LIMITS, Limits


def cut(geometry: Drawable, width: int, height: int, limits: Limits = LIMITS) -> list[Drawable]:
    """The pieces of a geometry inside a picture of width x height pixels.

    A geometry that lies inside comes back itself, as the only piece. Graphs, both cuboids and points vanish when
    any of their points is outside; an oriented box is never cut. Raises ValueError where shapely refuses a line,
    TooLarge where an outline crosses itself so often that cutting or filling it would take minutes.
    """
    if isinstance(geometry, OrientedBox):
        return [geometry]
    left, top, right, bottom = geometry.box()
    inside = left >= 0 and top >= 0 and right < width and bottom < height
    if isinstance(geometry, Polygon | Multipolygon) or (isinstance(geometry, Line) and not inside):
        name = "crossings" if inside else "cut_crossings"
        most = getattr(limits, name)
        for outlines in geometry.outlines():
            limits.check(name, estimate_crossings(outlines, most, closed=not isinstance(geometry, Line)))
    if inside:
        return [geometry]
    match geometry:
        case Bitmap() | AlphaMask() | MultichannelBitmap():
            return _cut_pixels(geometry, width, height)
        case Polygon():
            return [Polygon(ring) for ring in _cut_ring(geometry.ring, width, height)]
        case Multipolygon():
            rings = [piece for part in geometry.parts for piece in _cut_ring(part, width, height)]
            return [Multipolygon(rings)] if rings else []
        case Line():
            return [Line(points) for points in _cut_line(geometry.points, width, height)]
        case Rectangle():
            edges = max(left, 0), max(top, 0), min(right, width - 1), min(bottom, height - 1)
            return [Rectangle(*edges)] if edges[0] <= edges[2] and edges[1] <= edges[3] else []
        case _:
            return []


def _cut_pixels(geometry: Bitmap | AlphaMask | MultichannelBitmap, width: int, height: int) -> list[Drawable]:
    if isinstance(geometry, MultichannelBitmap):
        left, top, array = window(geometry.left, geometry.top, geometry.decoded(), width, height)
        tall, wide = array.shape[:2]
        return [MultichannelBitmap(left, top, tall, wide, None, array.copy())] if tall and wide else []
    piece = geometry.inside(width, height)
    return [] if piece is None else [piece]


def _cut_ring(ring: Ring, width: int, height: int) -> list[Ring]:
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


def _cut_line(points: Points, width: int, height: int) -> list[Points]:
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
