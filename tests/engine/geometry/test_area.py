"""Areas as the SDK counts them (more-masks, section 9.1): by the formula for contours, by pixels for bitmaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.geometry.bitmap_coding import encode_alpha, encode_channels, encode_mask
from tests.engine.geometry.geometries import clip, parse_geometry


def polygon(*points: list[int], holes: Any = ()) -> dict[str, Any]:
    return {"points": {"exterior": list(points), "interior": list(holes)}}


def square(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


LEFT, TOP, RIGHT = (
    [[20, 30], [33, 30], [33, 43], [20, 43]],
    [[20, 30], [25, 23], [38, 23], [33, 30]],
    [[33, 30], [38, 23], [38, 36], [33, 43]],
)
SPECKLED = np.array([[1, 0, 1], [0, 0, 1]], bool)
SCORES = encode_channels(np.ones((2, 9, 4)))
WITH_HOLE = {"exterior": square(25, 8, 35, 18), "interior": [square(26, 9, 29, 12)]}
TWO = {"parts": [{"exterior": square(20, 8, 30, 18)}, WITH_HOLE]}


@pytest.mark.parametrize(
    ("shape", "data", "area"),
    [
        ("polygon", polygon(*square(8, 8, 28, 28)), 400),
        ("polygon", polygon([0, 0], [3, 0], [0, 1]), 1.5),
        ("polygon", polygon([5, 40], [45, 68], [45, 40], [5, 68]), 0),
        ("polygon", polygon(*square(60, 40, 90, 66), holes=[square(64, 44, 76, 54), square(70, 48, 84, 60)]), 492),
        ("polygon", polygon(*square(70, 20, 80, 30), holes=[square(2, 60, 32, 68)]), -140),
        ("polygon", polygon(*square(36, 22, 44, 30), *square(36, 22, 44, 30)), 128),
        ("polygon", polygon([3, 3]), 0),
        ("multipolygon", TWO, 191),
        ("rectangle", polygon([-6, 50], [10, 58]), 99),
        ("oriented_bbox", {"points": [[10, 10], [32, 19]], "angle": 0.7}, 230),
        ("oriented_bbox", {"points": [[60, -20], [110, 8]], "angle": 0.2}, 1479),
        ("cuboid", {"points": LEFT + TOP + RIGHT, "faces": [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]}, 359),
        ("bitmap", {"bitmap": {"origin": [1, 1], "data": encode_mask(SPECKLED)}}, 3),
        ("alpha_mask", {"bitmap": {"origin": [1, 1], "data": encode_alpha(SPECKLED * np.uint8(7))}}, 3),
        ("multichannelBitmap", {"multichannelBitmap": {"origin": [97, 1], "data": SCORES}}, 6),
        ("line", polygon([1, 1], [50, 50]), 0),
        ("point", polygon([1, 1]), 0),
        ("graph", {"nodes": {"a": {"loc": [1, 2]}}}, 0),
    ],
)
def test_the_area_is_that_of_what_is_left_in_the_picture(shape: str, data: dict[str, Any], area: float) -> None:
    (piece,) = clip(parse_geometry(data, shape, {"nodes": {"a": {}}}), 100, 100)
    assert piece.area() == area


def test_what_nobody_knows_has_no_area() -> None:
    assert parse_geometry({"geometryType": "blob"}, "any").area() == 0
