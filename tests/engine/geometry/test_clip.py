"""Geometries at the border of their picture, and numbers at the border of what they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.geometry.base import as_points
from airflow_savemasks.engine.geometry.contours import Ring
from airflow_savemasks.engine.geometry.line import Line
from airflow_savemasks.engine.geometry.multipolygon import Multipolygon
from airflow_savemasks.engine.geometry.oriented_box import OrientedBox
from airflow_savemasks.engine.geometry.polygon import Polygon
from airflow_savemasks.engine.geometry.rectangle import Rectangle
from airflow_savemasks.engine.limits import Limits, TooLarge
from tests.engine.geometry.geometries import clip as cut
from tests.engine.geometry.geometries import parse_geometry, parsed
from tests.engine.geometry.test_geometry import contour, drawn


def points(*pairs: tuple[float, float]) -> np.ndarray[Any, Any]:
    return np.array(pairs, np.int64)


@pytest.mark.parametrize(
    ("edges", "left_over"),
    [
        ((0, 0, 6, 4), (0, 0, 6, 4)),
        ((-1, 0, 6, 4), (0, 0, 6, 4)),
        ((0, -1, 6, 4), (0, 0, 6, 4)),
        ((0, 0, 7, 4), (0, 0, 6, 4)),
        ((0, 0, 6, 5), (0, 0, 6, 4)),
        ((-5, -5, 0, 0), (0, 0, 0, 0)),
        ((6, 4, 9, 9), (6, 4, 6, 4)),
        ((-5, 0, -1, 4), None),
        ((0, -5, 6, -1), None),
        ((7, 0, 9, 4), None),
        ((0, 5, 6, 9), None),
    ],
)
def test_a_rectangle_is_cut_to_the_pixels_of_the_picture(edges: Any, left_over: Any) -> None:
    assert [piece.box() for piece in cut(Rectangle(*edges), 7, 5)] == ([left_over] if left_over else [])


def lines(*pairs: tuple[int, int], size: tuple[int, int] = (7, 5)) -> list[list[list[int]]]:
    return [piece.points.tolist() for piece in cut(Line(points(*pairs)), *size)]  # type: ignore[attr-defined]


def test_a_line_is_cut_into_the_pieces_that_lie_in_the_picture() -> None:
    assert lines((0, 0), (6, 4)) == [[[0, 0], [6, 4]]]
    assert lines((-3, 2), (3, 2)) == [[[0, 2], [3, 2]]]
    assert lines((3, 2), (3, 9)) == [[[3, 2], [3, 4]]]
    assert lines((1, 1), (1, 9), (5, 9), (5, 1)) == [[[1, 1], [1, 4]], [[5, 4], [5, 1]]]
    assert lines((1, 1), (3, 3), (9, 3)) == [[[1, 1], [3, 3], [6, 3]]]
    assert lines((5, 0), (8, 5)) == [[[5, 0], [6, 1]]]  # the new end lies at (6, 1.67): it is floored
    assert lines((9, 9), (12, 12)) == []
    assert lines((7, 0), (7, 4)) == []
    assert lines((8, 3), (6, 4), (8, 5)) == []  # a mere touch
    assert lines((6, 0), (6, 4)) == [[[6, 0], [6, 4]]]


def rings(ring: Ring, size: tuple[int, int] = (7, 5)) -> list[tuple[set[tuple[int, ...]], int]]:
    """Corners and the number of holes of each piece."""
    pieces = [piece.ring for piece in cut(Polygon(ring), *size)]  # type: ignore[attr-defined]
    return [(set(map(tuple, piece.exterior.tolist())), len(piece.holes)) for piece in pieces]


def test_a_polygon_is_cut_at_the_middle_of_the_outer_pixels() -> None:
    assert rings(Ring(points((-5, -5), (20, -5), (20, 20), (-5, 20)))) == [({(0, 0), (6, 0), (6, 4), (0, 4)}, 0)]
    assert rings(Ring(points((3, -5), (20, -5), (20, 2), (3, 2)))) == [({(3, 0), (6, 0), (6, 2), (3, 2)}, 0)]
    horseshoe = points((-3, 0), (6, 0), (6, 1), (-1, 1), (-1, 3), (6, 3), (6, 4), (-3, 4))
    assert sorted(map(sorted, (corners for corners, _ in rings(Ring(horseshoe))))) == [
        [(0, 0), (0, 1), (6, 0), (6, 1)],
        [(0, 3), (0, 4), (6, 3), (6, 4)],
    ]
    assert rings(Ring(points((8, 0), (12, 0), (12, 4)))) == []
    assert rings(Ring(points((6, 2), (9, 0), (9, 4)))) == []  # a mere touch
    whole = Polygon(Ring(points((0, 0), (6, 0), (6, 4))))
    assert cut(whole, 7, 5) == [whole]
    assert rings(Ring(points((-1, 0), (2, 0), (2, 1)))) == [({(0, 0), (2, 0), (2, 1)}, 0)]  # (0, 0.33) is rounded


def test_holes_are_cut_like_their_polygon_and_the_parts_of_a_multipolygon_alone() -> None:
    frame = points((-5, -5), (20, -5), (20, 20), (-5, 20))
    inside, outside = points((2, 1), (4, 1), (4, 3), (2, 3)), points((10, 10), (12, 10), (12, 12))
    assert [holes for _, holes in rings(Ring(frame, [inside, outside]))] == [1]
    open_now = points((-2, 1), (3, 1), (3, 3), (-2, 3))
    ((corners, holes),) = rings(Ring(frame, [open_now]))
    assert holes == 0
    assert {(0, 1), (3, 1), (3, 3), (0, 3)} <= corners
    many = Multipolygon([Ring(frame), Ring(outside), Ring(inside)])
    (piece,) = cut(many, 7, 5)
    assert len(piece.polygons) == 2  # type: ignore[attr-defined]
    assert cut(Multipolygon([Ring(outside)]), 7, 5) == []


def star(count: int) -> np.ndarray[Any, Any]:
    """An outline that crosses itself all over."""
    angles = np.arange(count) * np.pi * (count - 1) / count
    return np.stack([np.rint(500 + 499 * np.cos(angles)), np.rint(500 + 499 * np.sin(angles))], axis=1).astype(np.int64)


def test_outlines_that_cross_themselves_too_often_are_refused_by_the_limit_of_their_place() -> None:
    ring = Ring(star(301))
    few = Limits(crossings=1000, cut_crossings=10_000_000)
    for geometry in (Polygon(ring), Multipolygon([Ring(points((0, 0), (5, 0), (5, 5))), ring])):
        with pytest.raises(TooLarge, match="places where the outline of a label crosses itself"):
            cut(geometry, 2000, 2000, few)
        assert cut(geometry, 2000, 2000, Limits(crossings=10_000_000, cut_crossings=1)) == [geometry]
        with pytest.raises(TooLarge, match="that is cut at the border crosses itself"):
            cut(geometry, 900, 900, Limits(crossings=10_000_000, cut_crossings=1000))
    line = Line(star(301))
    assert cut(line, 2000, 2000, Limits(crossings=1, cut_crossings=1)) == [line]
    with pytest.raises(TooLarge, match="that is cut at the border crosses itself"):
        cut(line, 900, 900, Limits(cut_crossings=1000))


def test_an_oriented_box_may_reach_as_far_as_opencv_can_tell() -> None:
    def box(left: int, top: int, right: int, bottom: int) -> OrientedBox:
        return parsed(OrientedBox, {"points": [[left, top], [right, bottom]], "angle": 0})

    for edges in ((-(2**31), 0, 0, 5), (0, -(2**31), 5, 0), (0, 0, 2**31 - 1, 5), (0, 0, 5, 2**31 - 1)):
        assert box(*edges).box() == edges
    for edges in ((-(2**31) - 1, 0, 0, 5), (0, -(2**31) - 1, 5, 0), (0, 0, 2**31, 5), (0, 0, 5, 2**31)):
        with pytest.raises(ValueError, match="the oriented_bbox reaches too far out of the picture"):
            box(*edges)


def test_an_oriented_box_is_turned_by_its_angle_and_floored() -> None:
    flat = OrientedBox(2, 1, 8, 5, 0)
    assert flat.corners().tolist() == [[2, 1], [8, 1], [8, 5], [2, 5]]
    quarter = OrientedBox(2, 1, 8, 5, np.pi / 2)
    assert sorted(map(tuple, quarter.corners().tolist())) == [(3, 0), (3, 6), (7, 0), (7, 6)]
    odd = OrientedBox(1, 1, 4, 4, 0)  # the centre of 1 and 4 is 2
    assert odd.corners().tolist() == [[1, 1], [4, 1], [4, 4], [1, 4]]
    turned = OrientedBox(1, 1, 4, 4, 0.5)
    assert turned.corners().tolist() == [[1, 0], [4, 2], [2, 4], [0, 3]]
    assert turned.box() == (0, 0, 4, 4)
    assert turned.to_json() == {"points": [[1, 1], [4, 4]], "angle": 0.5}
    for angle in (None, 0, 1, 0.5):
        box = parsed(OrientedBox, {"points": [[4, 4, 9], [1, 1, 9]], "angle": angle})
        assert (box.left, box.top, box.right, box.bottom, box.angle) == (1, 1, 4, 4, angle or 0)
    for raw in ({"points": [[1, 1]], "angle": 0}, {"points": [[1, 1]] * 3, "angle": 0}, {"points": [[1, 1]] * 2}):
        with pytest.raises(ValueError, match='needs 2 "points" and an "angle" in radians'):
            parsed(OrientedBox, raw)
    with pytest.raises(ValueError, match='needs 2 "points" and an "angle" in radians'):
        parsed(OrientedBox, {"points": [[1, 1], [2, 2]], "angle": "1"})


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ([], []),
        ([[1, 2]], [[1, 2]]),
        ([[1.9, -0.1], [2, 3]], [[1, -1], [2, 3]]),
        ([[2**62, -(2**62)]], [[2**62, -(2**62)]]),
        ([[2.0**62, -(2.0**62)]], [[2**62, -(2**62)]]),
    ],
)
def test_points_are_floored(raw: Any, read: Any) -> None:
    assert as_points(raw, "they").tolist() == read
    assert as_points(raw, "they").shape == (len(read), 2)
    assert as_points([[*point, 9] for point in raw], "they", longer=True).tolist() == read


@pytest.mark.parametrize(
    "raw",
    [None, {}, "x", 5, [1, 2], [[1]], [[1, 2, 3]], [[1, 2], [3]], [["1", "2"]], [[True, False]], [[None, 1]], [{}],
     [[[1, 2]]], [[2**64, 1]], [[2**70, 1]], [[1e300, 1]], [[2.0**63, 1]], [[1, -(2.0**63)]]],
)  # fmt: skip
def test_what_are_no_points_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"^they (must be a list of|has a coordinate that does not fit)"):
        as_points(raw, "they")


@pytest.mark.parametrize("index", [-1, 4, 1.0, "1", None, [1]])
def test_a_face_of_a_cuboid_names_points_by_their_numbers(index: Any) -> None:
    square = [[1, 1], [3, 1], [3, 3], [1, 3]]
    good = [[0, 1, 2, 3]] * 3
    assert drawn("cuboid", {"points": square, "faces": good})[1:4] == [".###..."] * 3
    with pytest.raises(ValueError, match="a face of the cuboid names a point outside of its 4 points"):
        parse_geometry({"points": square, "faces": [*good[:2], [0, 1, 2, index]]}, "cuboid", {})
    for faces in (good[:2], [*good, good[0]], [*good[:2], [0, 1, 2]], [*good[:2], [0, 1, 2, 3, 3]], None):
        with pytest.raises(ValueError, match="3 lists of 4 indices"):
            parse_geometry({"points": square, "faces": faces}, "cuboid", {})


@pytest.mark.parametrize(
    ("shape", "least", "most"), [("point", 1, 1), ("line", 2, 9), ("rectangle", 2, 2), ("polygon", 1, 9)]
)
def test_a_shape_has_as_many_points_as_it_needs(shape: str, least: int, most: int) -> None:
    for count in range(10):
        data = contour(*[(n % 3, n // 3) for n in range(count)])
        if least <= count <= most:
            assert parse_geometry(data, shape, {}).to_json()["points"]["exterior"]
        else:
            with pytest.raises(ValueError, match="needs|no points"):
                parse_geometry(data, shape, {})


def test_contours_of_a_multipolygon_have_three_points_at_least() -> None:
    three, two = [[0, 0], [2, 0], [2, 2]], [[0, 0], [2, 0]]
    assert parse_geometry({"parts": [{"exterior": three, "interior": [three]}]}, "multipolygon", {}).to_json() == {
        "parts": [{"exterior": three, "interior": [three]}]
    }
    for part in ({"exterior": two}, {"exterior": three, "interior": [two]}):
        with pytest.raises(ValueError, match="a contour of a multipolygon needs at least 3 points"):
            parse_geometry({"parts": [part]}, "multipolygon", {})
    for parts in (None, {}, [], [5], [{}]):
        with pytest.raises(ValueError, match="a multipolygon needs|a part of a multipolygon needs"):
            parse_geometry({"parts": parts}, "multipolygon", {})
