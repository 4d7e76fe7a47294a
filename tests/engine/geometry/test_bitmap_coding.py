"""Labels made of pixels: every coding that the SDK takes, what is too large or damaged, and what a cut leaves."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.geometry import bitmap_coding
from airflow_savemasks.engine.geometry.bitmap_coding import (
    decode_alpha,
    decode_channels,
    decode_mask,
    encode_alpha,
    encode_channels,
    encode_mask,
    shape_of_channels,
)
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.limits import Limits, TooLarge

MASK = np.array([[1, 0, 1], [0, 1, 0]], bool)
RNG = np.random.default_rng(5)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def packed(content: bytes) -> str:
    return b64(zlib.compress(content))


def encoded(pixels: np.ndarray[Any, Any], ending: str = ".png") -> bytes:
    return cv2.imencode(ending, pixels)[1].tobytes()


def rgba(mask: np.ndarray[Any, Any], channel: int = 3, dtype: Any = np.uint8, value: int = 255) -> np.ndarray[Any, Any]:
    pixels = np.zeros((*mask.shape, 4), dtype)
    pixels[:, :, channel] = mask * dtype(value)
    return pixels


@pytest.mark.parametrize(
    ("content", "again"),
    [
        (packed(encoded(rgba(MASK))), True),
        (packed(encoded(rgba(MASK, value=1))), True),
        (packed(encoded(rgba(MASK, dtype=np.uint16, value=1))), True),
        (packed(encoded(MASK.astype(np.uint8))), True),
        (packed(encoded(MASK.astype(np.uint16))), True),
        (packed(encoded(MASK.astype(np.uint8) * 9, ".bmp")), True),
        (encode_mask(MASK), True),
        (b64(encoded(rgba(MASK, channel=0))), False),
        (b64(encoded(rgba(MASK)[:, :, 1:])), False),
        (b64(encoded(rgba(MASK, channel=1, dtype=np.uint16, value=256))), False),
    ],
)
def test_a_mask_is_where_something_shows_in_any_coding(content: str, again: bool) -> None:
    mask, keeps = decode_mask(content)
    assert mask.dtype == np.bool_
    assert mask.tolist() == MASK.tolist()
    assert keeps is again


def test_in_a_picture_of_16_bits_that_is_not_packed_again_small_values_do_not_show() -> None:
    mask, _ = decode_mask(b64(encoded(rgba(MASK, channel=1, dtype=np.uint16, value=255))))
    assert not mask.any()


def test_transparency_hides_colors_in_a_packed_picture() -> None:
    pixels = rgba(MASK)
    pixels[:, :, 0] = 255
    assert decode_mask(packed(encoded(pixels)))[0].tolist() == MASK.tolist()
    assert decode_mask(b64(encoded(pixels)))[0].all()


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (5, "must be text in base64"),
        (None, "must be text in base64"),
        ("x", "is not base64"),
        ("", "there is no data"),
        (packed(b""), "the file is empty"),
        (packed(b"no picture"), "damaged or none of"),
        (b64(b"no picture"), "damaged or none of"),
        (packed(encoded(np.zeros((2, 3, 3), np.uint8))), "has 3 channels without transparency"),
        (b64(encoded(MASK.astype(np.uint8))), "must be an RGB or RGBA PNG"),
        (b64(png.encode_two_level(MASK)), "must be an RGB or RGBA PNG"),
        (b64(zlib.compress(encoded(rgba(MASK)))[:-1]), "is longer than its picture, or ends too early"),
        (b64(zlib.compress(encoded(rgba(MASK)))[:-5]), "is longer than its picture, or ends too early"),
        (packed(encoded(rgba(MASK))[:40]), "does not decode"),
    ],
)
def test_what_is_no_bitmap_is_refused_with_the_reason(content: Any, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        decode_mask(content)


def test_a_bitmap_is_as_large_as_its_limits_and_no_larger() -> None:
    noise = RNG.random((500, 700)) < 0.5
    for content in (encode_mask(noise), packed(encoded(rgba(noise))), b64(encoded(rgba(noise, channel=1)))):
        assert decode_mask(content, Limits(bitmap_pixels=500 * 700))[0].shape == (500, 700)
        with pytest.raises(TooLarge, match="350,000 pixels of a bitmap or alpha mask"):
            decode_mask(content, Limits(bitmap_pixels=500 * 700 - 1))
    lines = 500 * (1 + 4 * 700)
    content = packed(encoded(rgba(noise)))
    assert decode_mask(content, Limits(bitmap_bytes=lines))[1]
    with pytest.raises(TooLarge, match=f"{lines:,} bytes of a bitmap's data"):
        decode_mask(content, Limits(bitmap_bytes=lines - 1))
    with pytest.raises(TooLarge, match="pixels of a bitmap"):
        decode_mask(packed(encoded(noise.astype(np.uint8), ".bmp")), Limits(bitmap_pixels=500 * 700 - 1))


@pytest.mark.parametrize(
    ("depth", "color", "row"),
    [(1, 0, 13), (2, 0, 25), (4, 3, 50), (8, 3, 100), (8, 0, 100), (8, 2, 300), (8, 4, 200), (8, 6, 400), (16, 6, 800),
     (16, 2, 600), (8, 7, 400)],
)  # fmt: skip
def test_the_scan_lines_of_a_bitmap_are_reckoned_by_its_header(depth: int, color: int, row: int) -> None:
    head = png.SIGNATURE + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 100, 7, depth, color, 0, 0, 0, 0)
    content = packed(head)
    with pytest.raises(TooLarge, match=f"too large: {7 * (1 + row):,} bytes"):
        decode_mask(content, Limits(bitmap_bytes=7 * (1 + row) - 1))
    with pytest.raises(ValueError, match="does not decode"):
        decode_mask(content, Limits(bitmap_bytes=7 * (1 + row)))


def test_a_stream_that_goes_on_behind_its_picture_is_not_inflated() -> None:
    content = encoded(rgba(MASK))
    assert decode_mask(packed(content + bytes(1 << 20)))[0].tolist() == MASK.tolist()
    with pytest.raises(ValueError, match="is longer than its picture"):
        decode_mask(packed(content + bytes(20 << 20)))


def test_the_middle_of_a_damaged_stream_is_told_as_damage() -> None:
    noise = RNG.random((900, 900)) < 0.5
    content = bytearray(zlib.compress(encoded(rgba(noise, value=255)), 1))
    content[len(content) - 4] ^= 1
    with pytest.raises(ValueError, match="bitmap data is damaged"):
        decode_mask(b64(bytes(content)))


def test_an_alpha_mask_is_gray_of_8_bits() -> None:
    alpha = RNG.integers(0, 256, (4, 5), np.uint8)
    for content, again in ((encode_alpha(alpha), True), (b64(encoded(alpha)), False)):
        found, keeps = decode_alpha(content)
        assert found.tolist() == alpha.tolist()
        assert keeps is again
    for odd in (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint16)):
        with pytest.raises(ValueError, match="must be an 8-bit gray PNG"):
            decode_alpha(b64(encoded(odd)))


def npy(array: np.ndarray[Any, Any], version: tuple[int, int] | None = None, **words: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, **words)
    return file.getvalue()


def test_scores_of_channels_come_back() -> None:
    scores = RNG.random((3, 4, 2))
    assert decode_channels(encode_channels(scores)).tolist() == scores.tolist()
    assert shape_of_channels(encode_channels(scores[:, ::2])) == (3, 2, 2)
    assert shape_of_channels(packed(npy(scores, (2, 0)))) == (3, 4, 2)
    assert shape_of_channels(packed(npy(scores) + b"more")) == (3, 4, 2)
    assert shape_of_channels(packed(npy(np.zeros((3, 4, 0))))) == (3, 4, 0)


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (packed(npy(np.zeros((3, 4)))), r"needs height, width and channels, this one has \(3, 4\)"),
        (packed(npy(np.zeros((3, 4, 2, 1)))), "needs height, width and channels"),
        (packed(npy(np.zeros((0, 4, 2)))), "needs height, width and channels"),
        (packed(npy(np.zeros((3, 0, 2)))), "needs height, width and channels"),
        (packed(npy(np.zeros((3, 4, 2)))[:-1]), "of 319 bytes, where its header says 320"),
        (packed(npy(np.zeros((1, 1, 1), object), allow_pickle=True)), "of Python objects"),
        (packed(npy(np.zeros((3, 4, 2)), (3, 0))), r"in version \(3, 0\) of numpy's format"),
        (packed(b"no array at all"), "magic string"),
        (b64(zlib.compress(npy(np.zeros((3, 4, 2))))[:-6]), "ends too early"),
        (b64(b"not packed"), "bitmap data is damaged"),
        ("", "ends too early"),
    ],
)
def test_what_are_no_scores_is_refused(content: str, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        shape_of_channels(content)


def test_scores_are_as_large_as_their_limit_and_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    content = npy(np.zeros((30, 40, 2)))
    monkeypatch.setattr(bitmap_coding, "PIECE", 1000)
    assert shape_of_channels(packed(content), Limits(bitmap_bytes=len(content))) == (30, 40, 2)
    with pytest.raises(TooLarge, match=f"{len(content):,} bytes of a bitmap's data"):
        shape_of_channels(packed(content), Limits(bitmap_bytes=len(content) - 1))
    behind = packed(content + bytes(10_000))
    with pytest.raises(TooLarge, match="bytes of a bitmap's data"):
        shape_of_channels(behind, Limits(bitmap_bytes=len(content) + 9_999))
    assert shape_of_channels(behind, Limits(bitmap_bytes=len(content) + 10_000)) == (30, 40, 2)
