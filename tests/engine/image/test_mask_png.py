"""The fast reader of bitmap PNGs sees what OpenCV sees, or leaves the file to it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.image import mask_png
from airflow_savemasks.engine.image import png_write as png


def rgba(height: int, width: int, seed: int, *options: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 3, (height, width, 4)).astype(np.uint8) * 127
    return cv2.imencode(".png", pixels, list(options))[1].tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([8, 16, 32, 64, 128, 248]))
def test_an_rgba_picture_of_any_filter_is_read_alike_or_not_at_all(
    height: int, width: int, seed: int, filters: int
) -> None:
    content = rgba(height, width, seed, cv2.IMWRITE_PNG_FILTER, filters)
    mask = mask_png.read(content)
    if mask is not None:
        assert np.array_equal(mask, cv2.imdecode(np.frombuffer(content, np.uint8), -1)[:, :, 3] != 0)
    assert mask is not None or filters not in (8, 16)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_a_palette_of_two_is_read(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    assert np.array_equal(mask_png.read(png.encode_two_level(mask)), mask)


@pytest.mark.parametrize("at", [20, 40, 60, -20])
def test_a_damaged_file_is_left_to_the_general_decoder(at: int) -> None:
    content = bytearray(rgba(9, 9, 1))
    content[at] ^= 1
    assert mask_png.read(bytes(content)) is None
    assert mask_png.read(bytes(content[:30])) is None
    assert mask_png.read(b"GIF89a") is None
