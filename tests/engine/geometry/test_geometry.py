"""Every geometry, drawn into a few pixels that the eye can check (supervisely-format, section 4)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.geometry.bitmap_coding import decode_mask, encode_mask
from tests.engine.geometry.geometries import clip, parse_geometry

GRAPH = {"nodes": {"a": {}, "b": {}, "c": {}}, "edges": [{"src": "a", "dst": "b"}, {"src": "b", "dst": "c"}]}


def drawn(shape: str, data: dict[str, Any], size: tuple[int, int] = (5, 7), template: Any = None) -> list[str]:
    """The canvas after the cut, a text line a row; `#` is painted."""
    canvas = np.zeros(size, np.uint8)
    for piece in clip(parse_geometry(data, shape, template or {}), size[1], size[0]):
        piece.draw(canvas, 1)
    return ["".join(".#"[value] for value in row) for row in canvas]


def contour(*points: tuple[float, float], holes: Any = ()) -> dict[str, Any]:
    return {"points": {"exterior": [list(point) for point in points], "interior": list(holes)}}


def test_a_rectangle_includes_its_right_and_bottom_edge_whatever_corners_are_given() -> None:
    wanted = [".......", ".###...", ".###...", ".......", "......."]
    assert drawn("rectangle", contour((1, 1), (3, 2))) == wanted
    assert drawn("rectangle", contour((3, 1), (1, 2))) == wanted


def test_coordinates_are_floored() -> None:
    assert drawn("rectangle", contour((1.9, 1.2), (3.99, 2.0))) == drawn("rectangle", contour((1, 1), (3, 2)))
    assert drawn("point", contour((2.9, 0.9)))[0] == "..#...."


def test_a_polygon_paints_its_border_and_a_hole_erases_its_own() -> None:
    ring = [[2, 1], [4, 1], [4, 3], [2, 3]]
    assert drawn("polygon", contour((0, 0), (6, 0), (6, 4), (0, 4), holes=[ring])) == [
        "#######",
        "##...##",
        "##...##",
        "##...##",
        "#######",
    ]


def test_where_two_holes_overlap_the_polygon_stays_filled_and_the_borders_of_the_holes_are_erased() -> None:
    left, right = [[1, 1], [5, 1], [5, 5], [1, 5]], [[3, 1], [7, 1], [7, 5], [3, 5]]
    canvas = drawn("polygon", contour((0, 0), (8, 0), (8, 6), (0, 6), holes=[left, right]), (7, 9))
    assert canvas[1:4] == ["#.......#", "#...#...#", "#...#...#"]


def test_a_polygon_of_one_or_two_points_is_a_dot_or_a_line() -> None:
    assert drawn("polygon", contour((3, 2)))[2] == "...#..."
    assert drawn("polygon", contour((1, 2), (4, 2)))[2] == ".####.."


def test_a_later_part_of_a_multipolygon_fills_the_hole_of_an_earlier_one() -> None:
    outer = {"exterior": [[0, 0], [6, 0], [6, 4], [0, 4]], "interior": [[[2, 1], [4, 1], [4, 3], [2, 3]]]}
    inner = {"exterior": [[3, 2], [3, 2], [3, 2]]}
    assert drawn("multipolygon", {"parts": [outer, inner]})[2] == "##.#.##"


def test_a_line_is_open_and_one_pixel_thick() -> None:
    assert drawn("line", contour((1, 1), (5, 1), (5, 3))) == [".......", ".#####.", ".....#.", ".....#.", "......."]


def test_a_graph_draws_edges_between_enabled_nodes_and_then_the_nodes() -> None:
    nodes = {"a": {"loc": [0, 0]}, "b": {"loc": [4, 0]}, "c": {"loc": [4, 4], "disabled": True}}
    assert drawn("graph", {"nodes": nodes}, template=GRAPH) == ["#####..", *["......."] * 4]


def test_a_graph_with_a_node_outside_vanishes_even_if_the_node_is_disabled() -> None:
    nodes = {"a": {"loc": [0, 0]}, "b": {"loc": [7, 0], "disabled": True}}
    assert drawn("graph", {"nodes": nodes}, template=GRAPH) == ["......."] * 5


def test_a_cuboid_fills_its_three_faces() -> None:
    points = [[0, 0], [2, 0], [2, 2], [0, 2], [4, 0], [4, 2], [99, 99]]
    faces = [[0, 1, 2, 3], [1, 4, 5, 2], [0, 1, 4, 0]]
    assert drawn("cuboid", {"points": points, "faces": faces})[1] == "#####.."


def test_an_oriented_box_is_turned_about_its_whole_pixel_centre_and_not_cut() -> None:
    flat = {"points": [[1, 2], [5, 2]], "angle": 0}
    upright = {**flat, "angle": np.pi / 2}
    assert drawn("oriented_bbox", flat)[2] == ".#####."
    assert [row[3] for row in drawn("oriented_bbox", upright)] == ["#"] * 5
    assert drawn("oriented_bbox", {"points": [[-3, 1], [2, 9]], "angle": 0}) == [".......", *["###...."] * 4]


def test_a_multichannel_bitmap_fills_its_bounding_box() -> None:
    from airflow_savemasks.engine.geometry.bitmap_coding import encode_channels

    text = encode_channels(np.zeros((2, 3, 4), np.float32))
    for left, row in ((2, "..###.."), (5, ".....##")):
        data = {"multichannelBitmap": {"origin": [left, 1], "data": text}}
        assert drawn("multichannelBitmap", data) == [".......", row, row, ".......", "......."]


def test_a_bitmap_over_the_border_is_cut_and_an_empty_one_refused() -> None:
    mask = np.array([[1, 0, 1], [0, 1, 1]], bool)
    data = {"bitmap": {"origin": [-1, 4], "data": encode_mask(mask)}}
    assert drawn("bitmap", data)[4] == ".#....."
    with pytest.raises(ValueError, match="empty"):
        parse_geometry({"bitmap": {"origin": [0, 0], "data": encode_mask(np.zeros((2, 2), bool))}}, "bitmap", {})


def test_the_labels_own_type_decides_in_a_class_of_shape_any_and_strangers_are_kept_undrawn() -> None:
    box = {**contour((1, 1), (3, 2)), "geometryType": "rectangle"}
    assert drawn("any", box) == drawn("rectangle", box)
    stranger = {"geometryType": "mask_9d", "data": 5}
    assert drawn("any", stranger) == ["......."] * 5
    assert parse_geometry(stranger, "any", {}).to_json() == stranger


@pytest.mark.parametrize(
    ("shape", "data", "problem"),
    [
        ("line", contour((1, 1)), "at least 2 points"),
        ("rectangle", contour((1, 1)), "exactly 2 points"),
        ("point", contour((1, 1), (2, 2)), "exactly 1 point"),
        ("polygon", contour(), "no points"),
        ("polygon", {"points": [[1, 2]]}, "exterior"),
        ("polygon", contour(("a", "b")), "numbers"),
        ("oriented_bbox", {"points": [[1, 1], [2, 2]]}, "angle"),
        ("graph", {"nodes": {"z": {"loc": [0, 0]}}}, "not in the template"),
        ("cuboid_2d", {"vertices": {"face1-topleft": {"loc": [0, 0]}}}, "8 vertices"),
        ("bitmap", {"bitmap": {"origin": [0, 0], "data": "????"}}, "decode"),
        ("multipolygon", {"parts": []}, "at least one"),
        ("any", {}, "geometryType"),
    ],
)
def test_a_broken_geometry_is_refused_with_the_reason(shape: str, data: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_geometry(data, shape, GRAPH)


points = st.lists(st.tuples(st.integers(-30, 60), st.integers(-30, 60)).map(list), min_size=1, max_size=9)


@given(points, st.lists(points, max_size=3), st.integers(1, 30), st.integers(1, 30))
def test_a_polygon_is_drawn_alike_whether_its_canvas_is_the_picture_or_just_around_it(
    exterior: list[list[int]], holes: list[list[list[int]]], width: int, height: int
) -> None:
    """Our drawing works on the bounding box; the rule speaks of the whole canvas."""
    data = {"points": {"exterior": exterior, "interior": holes}}
    ours, whole = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    for piece in clip(parse_geometry(data, "polygon", {}), width, height):
        piece.draw(ours, 1)
        mask = np.zeros_like(whole)
        ring = piece.ring  # type: ignore[attr-defined]
        cv2.fillPoly(mask, [ring.exterior.astype(np.int32)], 1)
        cv2.fillPoly(mask, [hole.astype(np.int32) for hole in ring.holes], 0)
        whole |= mask
    assert np.array_equal(ours, whole)


@given(points, st.integers(1, 30), st.integers(1, 30))
def test_whatever_is_left_of_a_line_or_polygon_lies_in_the_picture(
    exterior: list[list[int]], width: int, height: int
) -> None:
    for shape in ("polygon", "line") if len(exterior) > 1 else ("polygon",):
        for piece in clip(parse_geometry({"points": {"exterior": exterior, "interior": []}}, shape, {}), width, height):
            left, top, right, bottom = piece.box()
            assert 0 <= left <= right < width
            assert 0 <= top <= bottom < height


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32))
def test_a_mask_comes_back_from_its_coding(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    assert np.array_equal(decode_mask(encode_mask(mask))[0], mask)


def test_edges_of_a_graph_end_at_enabled_nodes_and_stay_in_the_picture() -> None:
    nodes = {"a": {"loc": [0, 0]}, "b": {"loc": [4, 0]}, "c": {"loc": [4, 4]}}
    assert drawn("graph", {"nodes": nodes}, template=GRAPH) == ["#####..", *["....#.."] * 4]
    nodes["b"]["disabled"] = True  # type: ignore[assignment]
    assert drawn("graph", {"nodes": nodes}, template=GRAPH) == ["#......", *["......."] * 3, "....#.."]
    assert drawn("graph", {"nodes": {"b": {"loc": [1.9, 2.9, 7]}}}, template=GRAPH)[2] == ".#....."
    for size in ((5, 4), (4, 5)):
        assert "#" not in "".join(drawn("graph", {"nodes": {**nodes, "b": {"loc": [4, 0]}}}, size, GRAPH))


def test_a_cuboid_2d_is_two_faces_and_the_edges_between_them() -> None:
    places = [(0, 0), (4, 0), (4, 4), (0, 4), (2, 2), (6, 2), (6, 6), (2, 6)]
    corners = ("topleft", "topright", "bottomright", "bottomleft")
    names = [f"face{face}-{corner}" for face in (1, 2) for corner in corners]
    vertices = {name: {"loc": list(place)} for name, place in zip(names, places, strict=True)}
    assert drawn("cuboid_2d", {"vertices": vertices}, (7, 7)) == [
        "#####..",
        "##..##.",
        "#.#####",
        "#.#.#.#",
        "#####.#",
        ".##..##",
        "..#####",
    ]
    with pytest.raises(ValueError, match="a cuboid_2d needs 8 vertices, it has 7"):
        drawn("cuboid_2d", {"vertices": dict(list(vertices.items())[1:])})
