"""The server's sub-pixel coordinates to pixels (supervisely-api, section 2). Pure; files on disk are pixels already."""

from __future__ import annotations

import math
from typing import Any

Json = dict[str, Any]

UP_LEFT_TOP, UP_RIGHT_BOTTOM = 0.7, 0.3  # fractions from which an edge of a box is rounded up


def annotation_to_pixels(annotation: Json) -> Json:
    """A copy of an annotation as the server gives it with integerCoords false, in whole pixels."""
    size = annotation.get("size") or {}
    width, height = size.get("width"), size.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return annotation  # the reader of annotations says what is wrong with it
    objects = [label_to_pixels(item, width, height) for item in annotation.get("objects") or []]
    return {**annotation, "objects": objects}


def label_to_pixels(label: Json, width: int, height: int) -> Json:
    """One object of an annotation; keys that are no coordinates are taken over."""
    out = dict(label)
    kind = label.get("geometryType") or label.get("shape")
    points = label.get("points")
    if kind == "rectangle" and isinstance(points, dict):
        out["points"] = {**points, "exterior": box_to_pixels(points["exterior"])}
    elif kind == "oriented_bbox" and isinstance(points, list):
        out["points"] = box_to_pixels(points)
    elif isinstance(points, dict):
        out["points"] = _contours(points, width, height)
    elif isinstance(points, list):  # a cuboid: the SDK cannot read it, flooring is what its other points get
        out["points"] = [[math.floor(x), math.floor(y)] for x, y in points]
    if isinstance(label.get("parts"), list):
        out["parts"] = [{**part, **_contours(part, width, height)} for part in label["parts"]]
    if isinstance(label.get("nodes"), dict):
        out["nodes"] = {
            name: {**node, "loc": [*point_to_pixels(node["loc"], width, height), *node["loc"][2:]]}
            for name, node in label["nodes"].items()
        }
    for key in ("bitmap", "multichannelBitmap"):
        if isinstance(label.get(key), dict) and "origin" in label[key]:
            out[key] = {**label[key], "origin": [math.floor(value) for value in label[key]["origin"]]}
    return out


def point_to_pixels(point: list[float], width: int, height: int) -> list[int]:
    """Floored; exactly on the right or bottom edge of the picture is its last pixel."""
    x, y = point[:2]
    return [width - 1 if x == width else math.floor(x), height - 1 if y == height else math.floor(y)]


def box_to_pixels(corners: list[list[float]]) -> list[list[int]]:
    """Two opposite corners -> [[left, top], [right, bottom]], right and bottom inside.

    >>> box_to_pixels([[2, 3], [10, 8]])
    [[2, 3], [9, 7]]
    >>> box_to_pixels([[2.71, 3.2], [10.29, 8.31]])
    [[3, 3], [9, 8]]
    >>> box_to_pixels([[2.1, 3.2], [2.9, 3.9]])
    [[2, 3], [2, 3]]
    """
    (left, right), (top, bottom) = (sorted(values) for values in zip(*(corner[:2] for corner in corners), strict=True))
    if int(top) == int(bottom) and int(left) == int(right):
        return [[int(left), int(top)], [int(right), int(bottom)]]
    left, top = _edge(left, UP_LEFT_TOP), _edge(top, UP_LEFT_TOP)
    right, bottom = _edge(right, UP_RIGHT_BOTTOM), _edge(bottom, UP_RIGHT_BOTTOM)
    return [[left, top], [max(left, right - 1), max(top, bottom - 1)]]


def _edge(value: float, up_from: float) -> int:
    low = math.floor(value)
    return low + 1 if value - low >= up_from else low


def _contours(holder: Json, width: int, height: int) -> Json:
    def ring(points: list[list[float]]) -> list[list[int]]:
        return [point_to_pixels(point, width, height) for point in points]

    out = dict(holder)
    if "exterior" in holder:
        out["exterior"] = ring(holder["exterior"])
    if "interior" in holder:
        out["interior"] = [ring(hole) for hole in holder["interior"]]
    return out
