"""Lines and points of other widths (more-masks, section 9.2)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.geometry.base import Geometry, Given
from airflow_savemasks.engine.geometry.table import parse_geometry
from airflow_savemasks.engine.limits import LIMITS

TEMPLATE = {"nodes": {"a": {}, "b": {}, "c": {}}, "edges": [{"src": "a", "dst": "b"}, {"src": "b", "dst": "c"}]}


def made(shape: str, width: int, **data: Any) -> Geometry:
    return parse_geometry(data, shape, Given(TEMPLATE, line_width=width))


def contour(*points: tuple[int, int]) -> dict[str, Any]:
    return {"points": {"exterior": [list(point) for point in points], "interior": []}}


def painted(geometry: Geometry, size: int = 40) -> np.ndarray:
    canvas = np.zeros((size, size), np.uint16)
    geometry.draw_solid(canvas, 300)
    left, top, right, bottom = geometry.painted_box()
    outside = canvas.copy()
    outside[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = 0
    assert not outside.any(), "all of it lies in its painted box"
    return canvas != 0


@pytest.mark.parametrize(("width", "pixels"), list(enumerate((5, 17, 33, 33, 57), 1)))
def test_a_line_gets_thick_as_opencv_has_it(width: int, pixels: int) -> None:
    assert painted(made("line", width, **contour((14, 15), (18, 15)))).sum() == pixels


@pytest.mark.parametrize(("width", "pixels"), list(enumerate((1, 5, 13, 13, 29), 1)))
def test_a_segment_without_length_is_a_pixel_or_a_disc(width: int, pixels: int) -> None:
    assert painted(made("line", width, **contour((5, 5), (5, 5)))).sum() == pixels


def test_a_line_is_as_thick_as_the_table_says() -> None:
    for width, rows in enumerate((1, 3, 5, 5, 7, 7, 9, 9), 1):
        assert painted(made("line", width, **contour((14, 15), (24, 15)))).any(axis=1).sum() == rows


def test_points_are_discs_whose_radius_is_rounded_to_even() -> None:
    for width, radius in enumerate((0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6), 1):
        found = painted(made("point", width, **contour((20, 20))))
        assert found[20].sum() == 2 * radius + 1
        canvas = np.zeros((40, 40), np.uint8)
        cv2.circle(canvas, (20, 20), radius, 1, cv2.FILLED)
        assert np.array_equal(found, canvas > 0)


def test_nodes_are_points_and_edges_lines_of_that_width() -> None:
    nodes = {"a": {"loc": [5, 5]}, "b": {"loc": [25, 9]}, "c": {"loc": [20, 30], "disabled": True}}
    wanted = np.zeros((40, 40), np.uint8)
    cv2.line(wanted, (5, 5), (25, 9), 1, 5)
    cv2.circle(wanted, (5, 5), 2, 1, cv2.FILLED)
    cv2.circle(wanted, (25, 9), 2, 1, cv2.FILLED)
    assert np.array_equal(painted(made("graph", 5, nodes=nodes)), wanted > 0)


def test_the_cut_does_not_know_of_the_width() -> None:
    line = made("line", 7, **contour((-5, 10), (50, 10)))
    (piece,) = line.clip(40, 40, LIMITS)
    assert painted(piece).any(axis=1).sum() == 9, "7 paint nine, as above"
    assert list(made("line", 31, **contour((-5, 10), (-2, 10))).clip(40, 40, LIMITS)) == []
    assert made("point", 9, **contour((-1, 10))).clip(40, 40, LIMITS) == []


@pytest.mark.parametrize("shape", ["polygon", "rectangle"])
def test_filled_areas_stay_as_they_are(shape: str) -> None:
    points = contour((5, 5), (20, 20)) if shape == "rectangle" else contour((5, 5), (20, 5), (20, 20))
    assert np.array_equal(painted(made(shape, 9, **points)), painted(made(shape, 1, **points)))


def test_one_of_the_usual_width_is_still_painted_together_with_others() -> None:
    assert made("point", 1, **contour((3, 3))).stamp() is not None
    assert made("point", 2, **contour((3, 3))).stamp() is None
