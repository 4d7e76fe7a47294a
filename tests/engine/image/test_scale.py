"""Scaling down: the mean of the area below, exact, with and without kernels."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.scale import scale_down

SIZES = [
    (7, 5, 3, 2), (8, 8, 4, 4), (9, 4, 9, 2), (4, 9, 2, 9), (5, 5, 5, 5), (1, 1, 1, 1), (300, 1, 7, 1), (1, 300, 1, 7),
    (150, 130, 1, 1), (101, 97, 100, 96), (64, 200, 13, 3), (33, 70, 32, 1),
]  # fmt: skip


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def mean_of_area(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """By fractions, pixel by pixel."""
    old_height, old_width = image.shape[:2]
    across, down = Fraction(old_width, width), Fraction(old_height, height)
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            total = [Fraction(0)] * 3
            for row in range(int(y * down), -int(-(y + 1) * down // 1)):
                tall = min(row + 1, (y + 1) * down) - max(Fraction(row), y * down)
                for column in range(int(x * across), -int(-(x + 1) * across // 1)):
                    wide = min(column + 1, (x + 1) * across) - max(Fraction(column), x * across)
                    pixel = image[row, column]
                    total = [part + tall * wide * int(value) for part, value in zip(total, pixel, strict=True)]
            out[y, x] = [int(part / (across * down) + Fraction(1, 2)) for part in total]
    return out


@pytest.fixture(params=["kernels", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(native, "library", None)
    elif native.library is None:
        pytest.skip("the kernels are not compiled here")
    return request.param


@pytest.mark.parametrize(("old_width", "old_height", "width", "height"), SIZES)
def test_each_pixel_is_the_mean_of_the_area_that_it_covers(
    way: str, old_width: int, old_height: int, width: int, height: int
) -> None:
    image = noise(old_height, old_width)
    assert (scale_down(image, width, height) == mean_of_area(image, width, height)).all()


@pytest.mark.parametrize("size", [(500, 333), (499, 332), (960, 640), (1, 1), (1919, 1279)])
def test_it_is_what_opencv_computes_but_for_its_rounding(way: str, size: tuple[int, int]) -> None:
    image = cv2.blur(noise(1280, 1920), (5, 5))
    found, theirs = scale_down(image, *size), cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - theirs).max() <= 1


def test_white_stays_white_and_black_black(way: str) -> None:
    for value in (0, 255):
        image = np.full((61, 83, 3), value, np.uint8)
        assert (scale_down(image, 17, 60) == value).all()


def test_halves_are_rounded_up(way: str) -> None:
    image = np.array([[[0, 2, 254], [1, 3, 255]]], np.uint8)
    assert scale_down(image, 1, 1).tolist() == [[[1, 3, 255]]]


def test_a_view_that_is_not_contiguous_is_scaled_as_its_copy(way: str) -> None:
    image = noise(40, 60)[::2, ::-1]
    assert (scale_down(image, 11, 7) == scale_down(image.copy(), 11, 7)).all()
