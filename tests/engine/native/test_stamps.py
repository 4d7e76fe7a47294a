"""Labels that are painted together leave the numbers that they leave when each is painted alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.base import Geometry, Stamp
from airflow_savemasks.engine.geometry.bitmap import Bitmap
from airflow_savemasks.engine.geometry.contours import Ring
from airflow_savemasks.engine.geometry.point import Point
from airflow_savemasks.engine.geometry.polygon import Polygon
from airflow_savemasks.engine.geometry.rectangle import Rectangle
from airflow_savemasks.engine.masks import stamps
from airflow_savemasks.engine.masks.label_map import LabelMap
from airflow_savemasks.engine.masks.stamps import Stamps
from airflow_savemasks.engine.project.annotation import Label

pytestmark = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
HEIGHT, WIDTH = 60, 80


def figure(rng: np.random.Generator) -> Geometry:
    """One that lies in the canvas; bitmaps are whole, views of larger ones, or forgotten."""
    left, right = sorted(rng.integers(0, WIDTH, 2).tolist())
    top, bottom = sorted(rng.integers(0, HEIGHT, 2).tolist())
    whole = rng.integers(0, 3, (HEIGHT, WIDTH)).astype(np.uint8)
    window = whole[top : bottom + 1, left : right + 1]
    kind = rng.integers(6)
    if kind == 0:
        return Rectangle(left, top, right, bottom)
    if kind == 1:
        return Point(left, top)
    if kind == 2:
        return AlphaMask(left, top, window, None)
    if kind == 3:
        return Polygon(Ring(np.array([[left, top], [right, top], [right, bottom]])))
    mask = Bitmap(left, top, (window > 0) if kind == 4 else (window > 0).copy(), None)
    if rng.random() < 0.2:
        mask.forget()
    return mask


def painted(labels: Sequence[Label], classes: int) -> NDArray[np.generic]:
    table = {f"c{number}": (number % 256, number // 256, 9) for number in range(classes)}
    return LabelMap.paint(labels, HEIGHT, WIDTH, table).canvas


@pytest.mark.parametrize("classes", [3, 400])
@pytest.mark.parametrize("together", [1, 3, 1000])
def test_figures_of_any_kind_are_painted_alike(classes: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng([31, classes, together])
    monkeypatch.setattr(stamps, "TOGETHER", together)
    for _ in range(20):
        labels = [Label(f"c{rng.integers(classes)}", figure(rng), {}, {}) for _ in range(60)]
        labels += [Label(f"c{number}", Point(number % WIDTH, number % 7), {}, {}) for number in range(classes)]
        fast = painted(labels, classes)
        with monkeypatch.context() as without:
            without.setattr(native, "library", None)
            assert np.array_equal(fast, painted(labels, classes))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_does_not_lie_in_the_canvas_is_not_taken(dtype: type) -> None:
    canvas = np.zeros((5, 7), dtype)
    held = Stamps(canvas)
    far = (1 << 63) - 1
    for left, top, height, width in (
        (-1, 0, 1, 1),
        (0, -1, 1, 1),
        (7, 0, 1, 1),
        (0, 5, 1, 1),
        (0, 0, 6, 7),
        (far, 0, 1, 9),
    ):
        assert not held.take(Stamp(left, top, height, width), 1)
    assert not held.take(None, 1)
    assert not held.take(Stamp(0, 0, 2, 2, np.ones((2, 2), np.uint16)), 1)
    assert not held.take(Stamp(0, 0, 2, 2, np.ones((2, 4), np.uint8)[:, ::2]), 1)
    assert held.take(Stamp(6, 4, 1, 1), 9)
    held.paint()
    assert canvas[4, 6] == canvas.sum() == 9


def test_the_kernel_itself_ends_before_what_lies_outside() -> None:
    assert native.library is not None
    canvas = np.zeros((5, 7), np.uint8)
    low, high = -(1 << 63), (1 << 63) - 1
    for bad in (
        (-1, 0, 1, 1),
        (0, 0, 1, 8),
        (high, 0, 1, high),
        (0, high, high, 1),
        (low, low, low, low),
        (0, 0, -1, 1),
    ):
        rows = np.array([(0, 0, 1, 1, 5, 0, 0), (*bad, 6, 0, 0)], np.int64)
        assert native.library.canvas_stamp(canvas.ctypes.data, 1, 5, 7, rows.ctypes.data, 2) == 1
    assert canvas[0, 0] == canvas.sum() == 5
