"""The kernels of masks that are not as they always were: lines from tables, blends, where numbers lie."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.masks.human_look import mix_table
from airflow_savemasks.engine.native import writing

compiled = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
SIZES = st.integers(1, 70), st.integers(1, 90), st.integers(0, 2**32), st.sampled_from([np.uint8, np.uint16])


def canvas(height: int, width: int, seed: int, dtype: type) -> np.ndarray:
    """Some boxes of numbers, and noise."""
    rng = np.random.default_rng(seed)
    most = 256 if dtype is np.uint8 else 400
    numbers = np.zeros((height, width), dtype)
    for number in rng.integers(0, most, 6):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        numbers[y : y + 20, x : x + int(rng.integers(1, 60))] = number
    if seed % 3 == 0:
        numbers[: height // 2] = rng.integers(0, most, (height // 2, width))
    return numbers


def without_kernels(make: object) -> np.ndarray:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", None)
        return read(make)


def read(make: object) -> np.ndarray:
    data = b"".join(png.encode(make()))  # type: ignore[operator]
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@given(*SIZES)
def test_wide_masks_have_their_values(height: int, width: int, seed: int, dtype: type) -> None:
    numbers = canvas(height, width, seed, dtype)
    values = np.random.default_rng(seed).integers(0, 65_536, 400).astype(np.uint16)
    for found in (
        read(lambda: png.wide_lines(numbers, values)),
        without_kernels(lambda: png.wide_lines(numbers, values)),
    ):
        assert found.dtype == np.uint16
        assert np.array_equal(found, values[numbers])


@given(*SIZES)
def test_gray_masks_have_their_values(height: int, width: int, seed: int, dtype: type) -> None:
    numbers = canvas(height, width, seed, dtype)
    values = np.random.default_rng(seed).integers(0, 256, 400).astype(np.uint8)
    for look in (read, without_kernels):
        assert np.array_equal(look(lambda: png.value_lines(numbers, values)), values[numbers])


@given(*SIZES)
def test_masks_of_colors_have_their_colors(height: int, width: int, seed: int, dtype: type) -> None:
    numbers = canvas(height, width, seed, dtype)
    colors = np.random.default_rng(seed).integers(0, 256, (400, 3)).astype(np.uint8)
    for found in (
        read(lambda: png.mapped_lines(numbers, colors)),
        without_kernels(lambda: png.mapped_lines(numbers, colors)),
    ):
        assert np.array_equal(found[:, :, ::-1], colors[numbers])


def test_lines_that_take_several_calls_have_no_seam() -> None:
    numbers = canvas(2000, 700, 3, np.uint16)
    values = np.arange(400).astype(np.uint16)
    assert np.array_equal(read(lambda: png.wide_lines(numbers, values)), numbers)
    assert np.array_equal(without_kernels(lambda: png.wide_lines(numbers, values)), numbers)


def test_a_palette_has_its_entries_and_its_indices() -> None:
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    palette = np.random.default_rng(1).integers(0, 256, 768).astype(np.uint8).tobytes()
    data = b"".join(png.encode(png.palette_lines(indices, palette)))
    assert data[16:29] == bytes([0, 0, 0, 16, 0, 0, 0, 16, 8, 3, 0, 0, 0])
    assert data[37:41] == b"PLTE"
    assert data[41 : 41 + 768] == palette
    assert b"tRNS" not in data
    at = data.index(b"IDAT")
    size = int.from_bytes(data[at - 4 : at], "big")
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + size]), np.uint8).reshape(16, 17)
    assert np.array_equal(rows[:, 1:], indices)


@compiled
@given(*SIZES, st.booleans(), st.sampled_from([0.0, 0.3, 0.5, 0.65, 1.0]))
def test_a_blend_is_the_same_beside_the_picture_and_alone(
    height: int, width: int, seed: int, dtype: type, alpha: bool, opacity: float
) -> None:
    rng = np.random.default_rng(seed)
    numbers = canvas(height, width, seed, dtype)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    colors = rng.integers(1, 256, (400, 3), np.uint8)
    colors[0] = 0
    drawing = colors[numbers] * rng.integers(0, 2, (height, width, 1), np.uint8) if alpha else None
    shown = colors[numbers] if drawing is None else drawing
    wanted = np.where(
        shown.any(axis=2, keepdims=True), (opacity * shown + (1 - opacity) * photo).astype(np.uint8), photo
    )
    mix = mix_table(opacity)
    assert np.array_equal(writing.blend(photo, numbers, colors, drawing, mix), wanted)
    for beside in (True, False):
        lines = writing.HumanLines(photo, numbers, colors, drawing, mix, beside=beside)
        stream = [lines.write(top) for top in range(0, height, lines.rows)]
        made = png.ScanLines(2 * width + 1 if beside else width, height, png.RGB, [*stream, lines.end()])
        found = read(lambda made=made: made)[:, :, ::-1]
        assert np.array_equal(found[:, -width:], wanted)
        if beside:
            assert np.array_equal(found[:, :width], photo)


@compiled
@given(*SIZES)
def test_numbers_are_looked_up_and_found(height: int, width: int, seed: int, dtype: type) -> None:
    numbers = canvas(height, width, seed, dtype)
    table = np.random.default_rng(seed).integers(0, 256, (400, 3)).astype(np.uint8)
    assert np.array_equal(writing.look_up(numbers, table), table[numbers])
    assert np.array_equal(writing.look_up(numbers, table[:, 0]), table[:, 0][numbers])
    found = writing.extent(numbers, 400)
    for number in range(1, 400):
        y, x = np.nonzero(numbers == number)
        assert found[number, 0] == len(x)
        if len(x):
            assert found[number, 1:].tolist() == [x.min(), y.min(), x.max(), y.max()]
