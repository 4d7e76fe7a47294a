"""Pixel coordinates, as a project folder has them, to the sub-pixel coordinates that an instance answers with.

A client turns the answer of `annotations.*` into pixels by flooring points and by shrinking boxes. The functions
here are the way back: whatever they give, that conversion returns the pixels of the source (each floored, as
everybody reads them from a folder). They use fractions on purpose, different ones for neighbouring values, so that
a client that skips the conversion, rounds instead of flooring, or forgets to shrink a box is found out.

    pixels on disk ──floor──> meaning ──here──> sub-pixels ──client──> the same meaning
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

Json = dict[str, Any]
Size = tuple[int, int]

POINT_FRACTIONS = (0.5, 0.0, 0.25, 0.875)


def to_server(annotation: Json) -> Json:
    """Return a copy of an annotation in pixels with every geometry in the server's sub-pixel form.

    Geometries that cannot be read (a missing key, text in place of a number) stay as they are: the server hands out
    what it was given, and a client must meet it.

    >>> box = {"geometryType": "rectangle", "points": {"exterior": [[-2, 3], [9, 7]], "interior": []}}
    >>> to_server({"size": {"width": 30, "height": 20}, "objects": [box]})["objects"][0]["points"]["exterior"]
    [[-2, 3], [10, 8]]
    """
    result = copy.deepcopy(annotation)
    size = (result["size"]["width"], result["size"]["height"])
    result["objects"] = [figure_to_server(figure, size) for figure in result["objects"]]
    return result


def figure_to_server(figure: Json, size: Size) -> Json:
    """Return a copy of one object of an annotation with sub-pixel coordinates; `size` is (width, height)."""
    result = copy.deepcopy(figure)
    try:
        if (convert := CONVERSIONS.get(result.get("geometryType"))) is not None:
            convert(result, size)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError):
        return copy.deepcopy(figure)
    return result


def point_to_server(point: Sequence[float], size: Size) -> list[float]:
    """Place a point somewhere inside its pixel, never on the far edge of the picture (that means the pixel before).

    >>> point_to_server([29.9, 20], (30, 20))
    [29, 20.5]
    """
    return [_inside(value, limit) for value, limit in zip(point, size, strict=True)]


def box_to_server(first: Sequence[float], second: Sequence[float]) -> list[list[float]]:
    """Return two corners whose edges enclose the pixels from `first` to `second`, both inclusive, in any order.

    Boxes with a negative corner get whole numbers: the client's test "all inside one pixel" cuts fractions towards
    zero, so a fraction beside zero would mean another box.
    """
    left, right = sorted((math.floor(first[0]), math.floor(second[0])))
    top, bottom = sorted((math.floor(first[1]), math.floor(second[1])))
    variant = (left + 2 * top + 3 * right + 5 * bottom) % 3
    if left < 1 or top < 1 or variant == 0:
        return [[left, top], [right + 1, bottom + 1]]
    if (left, top) == (right, bottom):
        return [[left + 0.1, top + 0.2], [left + 0.9, top + 0.9]]
    if variant == 1:
        return [[left + 0.25, bottom + 1.125], [right + 0.75, top + 0.625]]
    return [[right + 0.5, bottom + 0.375], [left - 0.25, top - 0.125]]


def _inside(value: float, limit: int | None = None) -> float:
    whole = math.floor(value)
    fraction = POINT_FRACTIONS[whole % len(POINT_FRACTIONS)]
    if fraction == 0.0:
        return whole if whole != limit else whole + 0.5
    return whole + fraction


def _ring(points: Sequence[Sequence[float]], size: Size) -> list[list[float]]:
    return [point_to_server(point, size) for point in points]


def _rectangle(figure: Json, _size: Size) -> None:
    figure["points"]["exterior"] = box_to_server(*figure["points"]["exterior"])
    figure["points"].setdefault("interior", [])


def _oriented_bbox(figure: Json, _size: Size) -> None:
    figure["points"] = box_to_server(*figure["points"])


def _cuboid(figure: Json, size: Size) -> None:
    figure["points"] = _ring(figure["points"], size)


def _rings(figure: Json, size: Size) -> None:
    points = figure["points"]
    points["exterior"] = _ring(points["exterior"], size)
    points["interior"] = [_ring(hole, size) for hole in points.get("interior") or []]


def _multipolygon(figure: Json, size: Size) -> None:
    for part in figure["parts"]:
        part["exterior"] = _ring(part["exterior"], size)
        if part.get("interior") is not None:
            part["interior"] = [_ring(hole, size) for hole in part["interior"]]


def _nodes(figure: Json, size: Size) -> None:
    for node in figure["nodes" if "nodes" in figure else "vertices"].values():
        node["loc"] = point_to_server(node["loc"], size)


def _bitmap(figure: Json, _size: Size) -> None:
    figure["bitmap"]["origin"] = [_inside(value) for value in figure["bitmap"]["origin"]]


# Types without a conversion (`multichannelBitmap`, unknown ones) are handed out as they are on disk.
CONVERSIONS: dict[object, Callable[[Json, Size], None]] = {
    "rectangle": _rectangle,
    "oriented_bbox": _oriented_bbox,
    "cuboid": _cuboid,
    "polygon": _rings,
    "line": _rings,
    "point": _rings,
    "multipolygon": _multipolygon,
    "graph": _nodes,
    "cuboid_2d": _nodes,
    "bitmap": _bitmap,
    "alpha_mask": _bitmap,
}
