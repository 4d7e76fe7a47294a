"""Geometries as they are parsed: their boxes, and what each refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.geometry.bitmap_coding import encode_alpha, encode_channels, encode_mask
from tests.engine.geometry.geometries import clip, parse_geometry

MASK = np.ones((3, 5), bool)
FACES = [[0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]]
SQUARE = [[2, 1], [8, 1], [8, 6], [2, 6]]
TEMPLATE = {"nodes": {"a": {}, "b": {}}, "edges": [{"src": "a", "dst": "b"}]}
CORNERS = [f"face{face}-{corner}" for face in (1, 2) for corner in ("topleft", "topright", "bottomright", "bottomleft")]
BOXES: list[tuple[str, dict[str, Any], tuple[int, int, int, int]]] = [
    ("bitmap", {"bitmap": {"origin": [4, 2], "data": encode_mask(MASK)}}, (4, 2, 8, 4)),
    ("alpha_mask", {"bitmap": {"origin": [4, 2], "data": encode_alpha(MASK * np.uint8(9))}}, (4, 2, 8, 4)),
    (
        "multichannelBitmap",
        {"multichannelBitmap": {"origin": [4, 2], "data": encode_channels(np.ones((3, 5, 2)))}},
        (4, 2, 8, 4),
    ),
    ("rectangle", {"points": {"exterior": [[8, 1], [2, 6]], "interior": []}}, (2, 1, 8, 6)),
    ("polygon", {"points": {"exterior": SQUARE, "interior": [[[3, 2], [4, 2], [4, 3]]]}}, (2, 1, 8, 6)),
    ("multipolygon", {"parts": [{"exterior": SQUARE[:3]}, {"exterior": [[1, 1], [2, 9], [3, 3]]}]}, (1, 1, 8, 9)),
    ("line", {"points": {"exterior": [[1, 5], [7, 2]], "interior": []}}, (1, 2, 7, 5)),
    ("point", {"points": {"exterior": [[3, 4]], "interior": []}}, (3, 4, 3, 4)),
    ("cuboid", {"points": [*SQUARE, [99, 99]], "faces": FACES}, (2, 1, 8, 6)),
    ("oriented_bbox", {"points": [[2, 1], [8, 6]], "angle": None}, (2, 1, 8, 6)),
    ("graph", {"nodes": {"a": {"loc": [1, 2]}, "b": {"loc": [5, 3], "disabled": True}}}, (1, 2, 5, 3)),
    ("cuboid_2d", {"vertices": {name: {"loc": [n, 2 * n]} for n, name in enumerate(CORNERS)}}, (0, 0, 7, 14)),
]


@pytest.mark.parametrize(("shape", "data", "box"), BOXES, ids=[shape for shape, _, _ in BOXES])
def test_the_box_of_a_geometry_holds_just_its_pixels_and_decides_whether_it_is_cut(
    shape: str, data: dict[str, Any], box: tuple[int, int, int, int]
) -> None:
    geometry = parse_geometry(data, shape, TEMPLATE)
    assert geometry.box() == box
    right, bottom = box[2] + 1, box[3] + 1
    assert clip(geometry, right, bottom)[0] is geometry
    if shape != "oriented_bbox":
        for width, height in ((right - 1, bottom), (right, bottom - 1)):
            assert all(piece is not geometry for piece in clip(geometry, width, height))


def test_an_alpha_mask_is_cut_like_a_bitmap_and_vanishes_outside() -> None:
    alpha = np.arange(1, 16, dtype=np.uint8).reshape(3, 5)
    geometry = parse_geometry({"bitmap": {"origin": [-2, -1], "data": encode_alpha(alpha)}}, "alpha_mask", {})
    (piece,) = clip(geometry, 2, 1)
    assert piece.box() == (0, 0, 1, 0)
    assert piece.array.tolist() == [[8, 9]]  # type: ignore[attr-defined]
    outside = parse_geometry({"bitmap": {"origin": [50, 0], "data": encode_alpha(alpha)}}, "alpha_mask", {})
    assert clip(outside, 40, 40) == []


def test_a_multichannel_bitmap_is_cut_and_coded_anew() -> None:
    scores = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    data = {"multichannelBitmap": {"origin": [-2, 0], "data": encode_channels(scores)}}
    (piece,) = clip(parse_geometry(data, "multichannelBitmap", {}), 40, 40)
    again = parse_geometry(piece.to_json(), "multichannelBitmap", {})
    assert again.box() == (0, 0, 2, 2)
    assert np.array_equal(again.decoded(), scores[:, 2:])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("shape", "data", "fact"),
    [
        ("cuboid", {"points": SQUARE, "faces": FACES[:2]}, "3 lists of 4 indices"),
        ("cuboid", {"points": SQUARE, "faces": [[0, 1, 2], *FACES[1:]]}, "3 lists of 4 indices"),
        ("cuboid", {"points": SQUARE, "faces": 7}, "3 lists of 4 indices"),
        ("cuboid", {"points": SQUARE, "faces": [[0, 1, 2, 4], *FACES[1:]]}, "outside of its 4 points"),
        ("cuboid", {"points": SQUARE, "faces": [[0, 1, 2, -1], *FACES[1:]]}, "outside of its 4 points"),
        ("oriented_bbox", {"points": SQUARE, "angle": 0}, '2 "points" and an "angle"'),
        ("oriented_bbox", {"points": SQUARE[:2]}, '2 "points" and an "angle"'),
        ("oriented_bbox", {"points": [[-(2**40), 0], [0, 5]], "angle": 0}, "too far out"),
        ("oriented_bbox", {"points": [[0, 0], [5, 2**40]], "angle": 0}, "too far out"),
        ("multipolygon", {"parts": {}}, "at least one polygon"),
        ("multipolygon", {"parts": []}, "at least one polygon"),
        ("multipolygon", {"parts": [{"interior": []}]}, 'needs "exterior"'),
        ("multipolygon", {"parts": [{"exterior": SQUARE[:2]}]}, "at least 3 points"),
        ("point", {"points": {"exterior": SQUARE, "interior": []}}, "exactly 1 point, it has 4"),
        ("line", {"points": {"exterior": SQUARE[:1], "interior": []}}, "at least 2 points, it has 1"),
        ("line", {"points": {"exterior": SQUARE, "interior": {}}}, "a list of contours"),
        ("line", {"points": {"exterior": SQUARE}}, 'an object with "exterior" and "interior"'),
        ("graph", {"nodes": {}}, "at least one node"),
        ("graph", {"nodes": {"z": {"loc": [0, 0]}}}, "nodes ['z'] are not in the template"),
        ("graph", {"nodes": {"a": {}}}, 'every node needs "loc"'),
        ("any", {}, '"geometryType" is needed'),
        ("any", {"geometryType": 7}, "must be text"),
        ("any", {"geometryType": "cuboid_3d"}, "three dimensions"),
    ],
)
def test_a_geometry_that_cannot_be_is_refused_with_the_reason(shape: str, data: dict[str, Any], fact: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_geometry(data, shape, TEMPLATE)
    assert fact in str(refused.value)
