"""Masks with and without the compiled kernels: one and the same pixels, however many classes, stripes and spans."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine import native
from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.limits import TooLarge
from airflow_savemasks.engine.masks import human, label_map
from airflow_savemasks.engine.masks.spans import GAP, Spans
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Colors
from tests.engine.masks.drawing import render
from tests.engine.masks.test_masks import box, no_picture
from tests.engine.samples import decoded

RNG = np.random.default_rng(3)
ORANGE = (250, 120, 3)


@pytest.fixture(params=["kernels", "numpy"])
def _both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(native, "library", None)


both = pytest.mark.usefixtures("_both")


def machine_of(labels: list[Label], height: int, width: int, table: dict[str, tuple[int, int, int]]) -> np.ndarray:
    colors = Colors.of(table, None, force_rgb=False)
    return decoded(render(labels, height, width, colors, no_picture).machine or b"")


@both
@pytest.mark.parametrize("count", [1, 2, 254, 255, 256, 257, 600])
@pytest.mark.parametrize("kind", ["own grays", "shared grays", "colours"])
def test_any_number_of_classes_have_their_colors_and_are_counted(count: int, kind: str) -> None:
    made = {
        "own grays": lambda number: (number % 255 + 1,) * 3,
        "shared grays": lambda number: (number // 2 % 255 + 1,) * 3,
        "colours": lambda number: (number % 256, number // 256, 7),
    }[kind]
    table = {f"c{number}": made(number) for number in range(count)}
    labels = [box(name, 2 * number, 0, 2 * number, number % 3) for number, name in enumerate(table)]
    colors = Colors.of(table, table, force_rgb=False)
    picture = RNG.integers(0, 256, (3, 2 * count, 3), np.uint8)
    masks = render(labels, 3, 2 * count, colors, lambda: picture)
    machine = decoded(masks.machine or b"")
    wanted = np.zeros((3, 2 * count, 3), np.uint8)
    for number, rgb in enumerate(table.values()):
        wanted[: number % 3 + 1, 2 * number] = rgb
    assert np.array_equal(machine, wanted if kind == "colours" else wanted[:, :, 0])
    assert masks.pixels == {name: number % 3 + 1 for number, name in enumerate(table)}
    mixed = np.where(wanted.any(axis=2, keepdims=True), (wanted / 2 + picture / 2).astype(np.uint8), picture)
    assert np.array_equal(decoded(masks.human or b"")[:, 2 * count + 1 :], mixed)


def test_a_picture_has_at_most_65535_classes() -> None:
    table = {f"c{number}": (number % 256, number // 256 % 256, 7) for number in range(65_536)}
    labels = [box(name, 0, 0, 0, 0) for name in table]
    assert machine_of(labels[:-1], 1, 1, table).tolist() == [[[254, 255, 7]]]
    with pytest.raises(TooLarge, match="labels of 65,536 classes on one picture; at most 65,535"):
        machine_of(labels, 1, 1, table)


def test_a_gray_is_a_classes_number_only_where_it_tells_all_apart() -> None:
    labels = [box("a", 0, 0, 0, 0), box("b", 1, 0, 1, 0), box("c", 2, 0, 2, 0)]
    for grays in ((5, 9, 200), (5, 5, 9), (1, 2, 3), (2, 1, 3), (255, 1, 255)):
        table = {name: (gray, gray, gray) for name, gray in zip("abc", grays, strict=True)}
        assert machine_of(labels, 1, 4, table).tolist() == [[*grays, 0]]
        counted = render(labels, 1, 4, Colors.of(table, None, force_rgb=False), no_picture).pixels
        assert counted == {"a": 1, "b": 1, "c": 1}
    black = {"a": (5, 5, 5), "b": (0, 0, 0), "c": (1, 1, 1)}
    over = [*labels, box("b", 0, 0, 0, 0)]
    assert machine_of(over, 1, 4, black).tolist() == [[0, 0, 1, 0]]
    assert render(over, 1, 4, Colors.of(black, None, force_rgb=False), no_picture).pixels == {"b": 2, "c": 1}
    some = {"a": (7, 7, 7), "b": (7, 8, 9), "c": (9, 9, 9)}
    assert machine_of(labels, 1, 4, some).tolist() == [[[7, 7, 7], [7, 8, 9], [9, 9, 9], [0, 0, 0]]]


@both
@pytest.mark.parametrize("stripe", [1, 100, 1 << 19])
@pytest.mark.parametrize("blends", [False, True])
def test_a_human_mask_is_the_same_whatever_its_stripes(
    monkeypatch: pytest.MonkeyPatch, stripe: int, blends: bool
) -> None:
    monkeypatch.setattr(human, "STRIPE_BYTES", stripe)
    monkeypatch.setattr(label_map, "COUNT_PIXELS", stripe)
    height, width = 23, 300
    picture = RNG.integers(0, 256, (height, width, 3), np.uint8)
    labels = [box("a", 0, 0, 3, 5), box("b", 3, 4, 20, 4), box("a", 150, 8, 299, 22), box("b", 299, 0, 299, 0)]
    canvas = np.zeros((height, width, 3), np.uint8)
    for label, rgb in zip(labels, (ORANGE, (1, 2, 3), ORANGE, (1, 2, 3)), strict=True):
        label.geometry.draw(canvas, rgb)
    pixels = {name: int((canvas == rgb).all(axis=2).sum()) for name, rgb in (("a", ORANGE), ("b", (1, 2, 3)))}
    if blends:
        alpha = RNG.integers(0, 256, (9, 40), np.uint8)
        labels.append(Label("a", AlphaMask(10, 3, alpha, None), {}, {}))
        labels[-1].geometry.draw(canvas, ORANGE)
    colors = Colors.of(None, {"a": ORANGE, "b": (1, 2, 3)}, force_rgb=False)
    checks: list[int] = []
    masks = render(labels, height, width, colors, lambda: picture, lambda: checks.append(1))
    image = decoded(masks.human or b"")
    mixed = np.where(canvas.any(axis=2, keepdims=True), (canvas / 2 + picture / 2).astype(np.uint8), picture)
    assert np.array_equal(image[:, :width], picture)
    assert (image[:, width] == (0, 255, 0)).all()
    assert np.array_equal(image[:, width + 1 :], mixed)
    assert checks
    if not blends:
        assert masks.pixels == pixels


@both
def test_a_stop_is_looked_at_between_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human, "STRIPE_BYTES", 1)
    looks: list[int] = []

    def stop() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise Stopped

    picture = np.zeros((3000, 100, 3), np.uint8)
    colors = Colors.of({"a": ORANGE}, {"a": ORANGE}, force_rgb=False)
    with pytest.raises(Stopped):
        render([box("a", 0, 0, 5, 5)], 3000, 100, colors, lambda: picture, stop)


def test_alpha_masks_blend_in_the_mask_that_shows_their_class_alone() -> None:
    alpha = Label("b", AlphaMask(0, 0, np.array([[128]], np.uint8), None), {}, {})
    picture = np.zeros((1, 1, 3), np.uint8)
    both_masks = Colors.of({"a": (10, 10, 10)}, {"b": (200, 0, 0)}, force_rgb=False)
    masks = render([box("a", 0, 0, 0, 0), alpha], 1, 1, both_masks, lambda: picture)
    assert decoded(masks.machine or b"").tolist() == [[10]]
    assert decoded(masks.human or b"")[0, 2].tolist() == [50, 0, 0]
    assert masks.pixels == {"a": 1}
    colored = Colors.of({"b": (200, 100, 0)}, None, force_rgb=False)
    masks = render([alpha], 1, 1, colored, no_picture)
    assert decoded(masks.machine or b"").tolist() == [[[100, 50, 0]]]


def test_black_is_almost_black_in_a_human_mask() -> None:
    assert Colors.of(None, {"a": (0, 0, 0), "b": (0, 0, 1)}, force_rgb=False).human == {"a": (1, 1, 1), "b": (0, 0, 1)}
    assert Colors.of({"a": (0, 0, 0)}, None, force_rgb=False) == Colors({"a": (0, 0, 0)}, None, gray=True)
    assert not Colors.of({"a": (0, 0, 1)}, None, force_rgb=False).gray
    assert Colors.of(None, None, force_rgb=False).gray


def spans_of(*boxes: tuple[int, int, int, int], rows: tuple[int, int] = (0, 10)) -> list[tuple[int, int]]:
    return Spans([box("a", *edges) for edges in boxes], 500, 100).of(*rows)


def test_spans_hold_the_columns_of_labels_and_near_ones_are_joined() -> None:
    assert spans_of() == []
    assert spans_of((3, 2, 7, 4)) == [(3, 8)]
    assert spans_of((3, 2, 7, 4), (8 + GAP, 0, 90, 1)) == [(3, 91)]
    assert spans_of((3, 2, 7, 4), (9 + GAP, 0, 90, 1)) == [(3, 8), (9 + GAP, 91)]
    assert spans_of((300, 0, 310, 1), (3, 2, 7, 4)) == [(3, 8), (300, 311)]
    assert spans_of((3, 0, 90, 1), (10, 0, 20, 1), (150, 0, 160, 1)) == [(3, 161)]
    assert spans_of((-9, 0, 2, 1), (490, 0, 600, 1)) == [(0, 3), (490, 500)]


def test_spans_are_of_the_labels_in_the_rows_that_were_asked_for() -> None:
    label = (3, 20, 7, 29)
    for rows, found in (((0, 20), []), ((0, 21), [(3, 8)]), ((29, 30), [(3, 8)]), ((30, 40), []), ((22, 23), [(3, 8)])):
        assert spans_of(label, rows=rows) == found


edges = st.tuples(st.integers(-20, 620), st.integers(-20, 120), st.integers(0, 80), st.integers(0, 30))


@given(st.lists(edges, max_size=12), st.integers(0, 99), st.integers(1, 20))
def test_spans_are_disjoint_rising_and_miss_no_label(
    found: list[tuple[int, int, int, int]], top: int, rows: int
) -> None:
    boxes = [(left, up, left + wide, up + high) for left, up, wide, high in found]
    spans = spans_of(*boxes, rows=(top, top + rows))
    held = {column for first, last in spans for column in range(first, last)}
    for left, up, right, down in boxes:
        if up < top + rows and down >= top:
            assert held >= set(range(max(left, 0), min(right, 499) + 1))
    assert all(0 <= first < last <= 500 for first, last in spans)
    assert all(one[1] + GAP < other[0] for one, other in pairwise(spans))
