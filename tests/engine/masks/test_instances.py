"""Masks of single labels (more-masks, section 6), and masks in numbers (section 0)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.unknown import Unknown
from airflow_savemasks.engine.limits import TooLarge
from airflow_savemasks.engine.masks import instances
from airflow_savemasks.engine.masks.instances import file_names
from airflow_savemasks.engine.native import writing
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Colors
from tests.engine.masks.drawing import files, noted
from tests.engine.masks.test_masks import box, no_picture
from tests.engine.samples import decoded

AB = Colors.of({"a": (5, 5, 5), "b": (0, 0, 0)}, None, force_rgb=False)


@pytest.fixture(params=["kernels", "numpy"])
def _both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(native, "library", None)


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        (["kiwi", "kiwi_01", "kiwi", "kiwi"], ["kiwi", "kiwi_01", "kiwi_02", "kiwi_03"]),
        (["kiwi", "kiwi", "kiwi_01"], ["kiwi", "kiwi_01", "kiwi_01_01"]),
        (["a/b", "a:b", "a_b"], ["a_b", "a_b_01", "a_b_02"]),
        (["..."], ["..."]),
        (["Kiwi", "kiwi"], ["Kiwi", "kiwi"]),
        (['<>:"/\\|?*\0\x1f\x7f'], ["_" * 12]),
        (["x"] * 102, ["x", *(f"x_{number:02d}" for number in range(1, 102))]),
    ],
)
def test_files_are_called_after_their_classes(classes: list[str], wanted: list[str]) -> None:
    assert list(file_names(classes)) == wanted


def ids(labels: list[Label], height: int, width: int, colors: Colors = AB, **options: Any) -> tuple[Any, Any]:
    """The mask of places, and what the index says."""
    made = dict(files(labels, height, width, colors, no_picture, kind="instances", instances="ids", **options))
    notes = noted(labels, height, width, colors, no_picture, instances="ids", **options)
    assert list(notes) == ["instances"]
    found = decoded(made[".png"])
    assert found.dtype == np.uint16
    return found.tolist(), notes["instances"]


@pytest.mark.usefixtures("_both")
def test_a_pixel_is_the_place_of_the_label_on_top() -> None:
    faint = Label("a", AlphaMask(2, 0, np.array([[1, 0]], np.uint8), None), {}, {})
    strange = Label("a", Unknown("star", {}), {}, {})
    labels = [box("a", 0, 0, 0, 0), box("c", 0, 0, 3, 1), box("b", 0, 0, 1, 1), strange, faint]
    places, told = ids(labels, 2, 4)
    assert places == [[3, 3, 5, 0], [3, 3, 0, 0]]
    assert told == [
        {"id": 1, "class": "a", "pixels": 0, "box": None},
        {"id": 3, "class": "b", "pixels": 4, "box": [0, 0, 1, 1]},
        {"id": 4, "class": "a", "pixels": 0, "box": None},
        {"id": 5, "class": "a", "pixels": 1, "box": [2, 0, 2, 0]},
    ]
    assert ids([], 1, 2) == ([[0, 0]], [])


@pytest.mark.usefixtures("_both")
def test_the_smaller_label_lies_on_top_where_area_is_asked_for() -> None:
    labels = [box("a", 0, 0, 0, 0), box("b", 0, 0, 2, 0), box("a", 2, 0, 2, 0), box("a", 2, 0, 2, 0)]
    places, told = ids(labels, 1, 3, overlap="area")
    assert places == [[1, 2, 4]]
    assert [one["id"] for one in told] == [1, 2, 3, 4], "in the order of places all the same"
    assert ids(labels, 1, 3)[0] == [[2, 2, 4]]


@pytest.mark.usefixtures("_both")
def test_more_labels_than_a_byte_holds_share_their_pixels_with_the_other_masks() -> None:
    labels = [box("ab"[number % 2], number, 0, number, 0) for number in range(600)]
    colors = Colors.of({"a": (5, 5, 5), "b": (9, 8, 7)}, None, force_rgb=False)
    assert ids(labels, 1, 600, colors)[0] == [list(range(1, 601))]
    ((_, machine),) = files(labels, 1, 600, colors, no_picture, kind="machine", instances="ids")
    assert decoded(machine)[0, :4].tolist() == [[5, 5, 5], [9, 8, 7], [5, 5, 5], [9, 8, 7]]
    grays = Colors.of({"a": (5, 5, 5), "b": (9, 9, 9)}, None, force_rgb=False)
    ((_, machine),) = files(labels, 1, 600, grays, no_picture, kind="machine", instances="ids")
    ((_, alone),) = files(labels, 1, 600, grays, no_picture, kind="machine")
    assert machine == alone, "to the byte"


def test_a_place_above_65535_of_a_drawn_class_cannot_be_told() -> None:
    labels = [*(box("c", 0, 0, 0, 0) for _ in range(65_535)), box("a", 0, 0, 0, 0)]
    with pytest.raises(TooLarge, match="number 65,536"):
        ids(labels, 1, 1)
    assert ids(labels[1:], 1, 1)[0] == [[65_535]]


def test_each_label_is_a_file_of_its_own_and_whole() -> None:
    faint = Label("a", AlphaMask(0, 0, np.array([[1, 0]], np.uint8), None), {}, {})
    labels = [box("a", 0, 0, 1, 0), box("c", 0, 0, 1, 0), faint, Label("b", Unknown("star", {}), {}, {})]
    made = files(labels, 1, 2, AB, no_picture, kind="instances", instances="files")
    assert [(name, decoded(content).tolist()) for name, content in made] == [
        ("/a.png", [[255, 255]]),
        ("/a_01.png", [[255, 0]]),
        ("/b.png", [[0, 0]]),
    ]
    assert noted(labels, 1, 2, AB, no_picture, instances="files") == {}


def test_where_numbers_lie_is_found_without_kernels_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "ROWS", 3)
    rng = np.random.default_rng(4)
    for dtype, most in ((np.uint8, 9), (np.uint16, 300)):
        numbers = np.repeat(rng.integers(0, most, (10, 20)), 3, axis=1).astype(dtype)
        found = instances._extent(numbers, most)
        for number in range(1, most):
            y, x = np.nonzero(numbers == number)
            assert found[number, 0] == len(x)
            if len(x):
                assert found[number, 1:].tolist() == [x.min(), y.min(), x.max(), y.max()]
        if native.library:
            there = found[:, 0] > 0
            there[0] = False
            assert np.array_equal(writing.extent(numbers, most)[there], found[there])
