"""The two masks of a picture (supervisely-format, section 5) and their PNGs."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.rectangle import Rectangle
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.masks.human import blend
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Colors
from tests.engine.masks.drawing import render
from tests.engine.samples import decoded


def no_picture() -> np.ndarray:
    raise AssertionError("a picture is decoded for a human mask only")


def box(name: str, *edges: int) -> Label:
    return Label(name, Rectangle(*edges), {}, {})


def test_half_and_half_is_cut_off_for_every_pair_of_bytes() -> None:
    """`uint8(0.5 * D + 0.5 * I)`: 77.5 is 77."""
    drawing = np.repeat(np.arange(256, dtype=np.uint8), 256).reshape(256, 256)
    picture = drawing.T.copy()
    stack = [np.repeat(part[:, :, None], 3, axis=2) for part in (drawing, picture)]
    out = np.zeros((256, 256, 3), np.uint8)
    blend(out, stack[1], stack[0], np.ones((256, 256), np.uint8))
    wanted = (0.5 * drawing + 0.5 * picture).astype(np.uint8)
    assert np.array_equal(out[:, :, 0], wanted)


def test_a_human_mask_is_picture_green_column_and_blend() -> None:
    picture = np.full((2, 3, 3), 100, np.uint8)
    colors = Colors.of(None, {"a": (255, 0, 0)}, force_rgb=False)
    masks = render([box("a", 0, 0, 0, 0)], 2, 3, colors, lambda: picture)
    image = decoded(masks.human or b"")
    assert image.shape == (2, 7, 3)
    assert np.array_equal(image[:, :3], picture)
    assert image[:, 3].tolist() == [[0, 255, 0]] * 2
    assert image[0, 4].tolist() == [177, 50, 50]
    assert image[1, 4].tolist() == [100, 100, 100]


def test_black_becomes_almost_black_in_a_human_mask_and_erases_in_a_machine_mask() -> None:
    picture = np.full((1, 2, 3), 101, np.uint8)
    both = {"a": (9, 9, 9), "b": (0, 0, 0)}
    labels = [box("a", 0, 0, 1, 0), box("b", 1, 0, 1, 0)]
    masks = render(labels, 1, 2, Colors.of(both, both, force_rgb=False), lambda: picture)
    assert decoded(masks.machine or b"").tolist() == [[9, 0]]
    assert decoded(masks.human or b"")[0, 4].tolist() == [51, 51, 51]


def test_a_class_without_a_color_covers_nothing_in_that_mask_only() -> None:
    picture = np.zeros((1, 2, 3), np.uint8)
    colors = Colors.of({"a": (5, 5, 5)}, {"a": (100, 0, 0), "b": (0, 100, 0)}, force_rgb=False)
    masks = render([box("a", 0, 0, 1, 0), box("b", 0, 0, 0, 0)], 1, 2, colors, lambda: picture)
    assert decoded(masks.machine or b"").tolist() == [[5, 5]]
    assert decoded(masks.human or b"")[0, 3:].tolist() == [[0, 50, 0], [50, 0, 0]]


def test_machine_masks_are_gray_unless_a_color_is_not_or_rgb_is_asked_for() -> None:
    gray, colored = {"a": (7, 7, 7)}, {"a": (7, 8, 9)}
    labels = [box("a", 0, 0, 0, 0)]
    colors = Colors.of(gray, None, force_rgb=False)
    assert decoded(render(labels, 1, 2, colors, no_picture).machine or b"").shape == (1, 2)
    for colors in (Colors.of(gray, None, force_rgb=True), Colors.of(colored, None, force_rgb=False)):
        assert decoded(render(labels, 1, 2, colors, no_picture).machine or b"").shape == (1, 2, 3)


def test_an_alpha_mask_blends_with_what_lies_below_it() -> None:
    alpha = Label("b", AlphaMask(0, 0, np.array([[128, 0]], np.uint8), None), {}, {})
    colors = Colors.of({"a": (100, 100, 100), "b": (200, 200, 200)}, None, force_rgb=False)
    masks = render([box("a", 0, 0, 1, 0), alpha], 1, 2, colors, no_picture)
    assert decoded(masks.machine or b"").tolist() == [[int(100 * (1 - 128 / 255) + 200 * (128 / 255)), 100]]
    assert masks.pixels == {"a": 1, "b": 1}


def test_an_alpha_mask_too_faint_to_leave_a_color_leaves_the_picture_as_it_is() -> None:
    """Where the drawing is exactly black the picture shows, also below a label."""
    faint = Label("a", AlphaMask(0, 0, np.array([[1, 255]], np.uint8), None), {}, {})
    picture = np.full((1, 2, 3), 90, np.uint8)
    colors = Colors.of(None, {"a": (100, 0, 0)}, force_rgb=False)
    human = decoded(render([faint], 1, 2, colors, lambda: picture).human or b"")
    assert human[0, 3:].tolist() == [[90, 90, 90], [95, 45, 45]]


def test_more_than_255_classes_in_one_picture_keep_their_colors() -> None:
    names = {f"c{number}": (number % 256, number // 256, 7) for number in range(300)}
    labels = [box(name, number, 0, number, 0) for number, name in enumerate(names)]
    masks = render(labels, 1, 300, Colors.of(names, names, force_rgb=False), lambda: np.zeros((1, 300, 3), np.uint8))
    assert decoded(masks.machine or b"")[0].tolist() == [list(rgb) for rgb in names.values()]
    assert masks.pixels == dict.fromkeys(names, 1)


def test_pixels_count_what_is_visible() -> None:
    colors = Colors.of({"a": (1, 1, 1), "b": (2, 2, 2)}, None, force_rgb=False)
    assert render([box("a", 0, 0, 2, 2), box("b", 0, 0, 2, 0)], 3, 3, colors, no_picture).pixels == {"a": 6, "b": 3}


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.booleans())
def test_a_png_holds_the_pixels_it_was_given(height: int, width: int, seed: int, gray: bool) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width) if gray else (height, width, 3), np.uint8)
    data = png.encode(png.gray_lines(pixels) if gray else png.rgb_lines(pixels))
    assert np.array_equal(decoded(data), pixels)


def test_a_tall_picture_is_made_in_stripes_without_a_seam() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (700, 300, 3), np.uint8)
    label = box("a", 10, 20, 250, 690)
    human = decoded(
        render([label], 700, 300, Colors.of(None, {"a": (9, 200, 7)}, force_rgb=False), lambda: picture).human or b""
    )
    drawing = np.zeros_like(picture)
    cv2.rectangle(drawing, (10, 20), (250, 690), (9, 200, 7), cv2.FILLED)
    wanted = np.where(drawing.any(axis=2, keepdims=True), (0.5 * drawing + 0.5 * picture).astype(np.uint8), picture)
    assert np.array_equal(human[:, 301:], wanted)
