"""What our kernels make of pixels on their way in is what zlib and numpy make of them; damage is left to others."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest
from isal import isal_zlib
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.image import mask_png, png_read
from airflow_savemasks.engine.image.png_container import inflate
from airflow_savemasks.engine.native import reading

pytestmark = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)


def some_bytes(rng: np.random.Generator) -> bytes:
    """As scan lines have them: noise in one and in four channels, flat, gentle, short and far repeats."""
    size = int(rng.integers(0, 6000)) if rng.random() < 0.8 else int(rng.integers(0, 200_000))
    kind = rng.integers(6)
    if kind == 0:
        return bytes(rng.integers(0, 256, size, np.uint8))
    if kind == 1:
        return np.repeat(rng.integers(0, 2, size // 4 + 1) * 255, 4).astype(np.uint8).tobytes()[:size]
    if kind == 2:
        return np.round(rng.normal(0, 5, size)).astype(np.int64).astype(np.uint8).tobytes()
    if kind == 3:
        return np.tile(rng.integers(0, 256, int(rng.integers(1, 40))).astype(np.uint8), size)[:size].tobytes()
    if kind == 4:
        far = rng.integers(0, 256, 400, np.uint8).tobytes()
        return far + bytes(int(rng.integers(0, 32_700))) + far
    return bytes(size)


def stream_of(rng: np.random.Generator, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return bytes(isal_zlib.compress(data, int(rng.integers(0, 4))))
    level, strategy = int(rng.integers(0, 10)), STRATEGIES[rng.integers(len(STRATEGIES))]
    encoder = zlib.compressobj(level, zlib.DEFLATED, int(rng.integers(9, 16)), int(rng.integers(1, 10)), strategy)
    return encoder.compress(data) + encoder.flush()


def test_streams_are_inflated_as_zlib_does() -> None:
    rng = np.random.default_rng(4)
    for _ in range(120):
        data = some_bytes(rng)
        stream = stream_of(rng, data)
        for given in (stream, bytearray(stream), memoryview(stream + b"behind")):
            found = reading.inflate(given, len(data))
            assert found is not None
            assert found.tobytes() == data
        assert reading.inflate(stream, len(data) + 1) is None
        assert not data or reading.inflate(stream, len(data) - 1) is None


def test_what_is_damaged_is_refused_and_nothing_is_made_up() -> None:
    """Bits turned over, ends cut off: None, or what zlib gives where the damage changes nothing."""
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(700):
        data = some_bytes(rng)[:3000]
        if rng.random() < 0.2:  # long enough for entries of several codes
            runs = rng.integers(1, 4, 20_000) * 4
            data = np.repeat(rng.integers(0, 3, len(runs)).astype(np.uint8) * 127, runs).tobytes()
        stream = bytearray(stream_of(rng, data))
        if rng.random() < 0.3:
            del stream[int(rng.integers(len(stream))) :]
        for _ in range(int(rng.integers(1, 3))):
            if stream:
                most = min(len(stream), 60) if rng.random() < 0.5 else len(stream)
                stream[int(rng.integers(most))] ^= 1 << int(rng.integers(8))
        found = reading.inflate(stream, len(data))
        refused += found is None
        if found is not None:
            assert zlib.decompressobj().decompress(bytes(stream)) == found.tobytes()
    assert refused > 500


def test_a_set_of_codes_that_zlib_refuses_is_refused() -> None:
    for bits in ("1 01 00000 00000 0000", "1 01 11111 00000 0000", "1 01 00000 11111 0000", "1 11", "1 00"):
        text = bits.replace(" ", "").ljust(400, "0")
        body = bytes(int(text[at : at + 8][::-1], 2) for at in range(0, len(text), 8))
        assert reading.inflate(b"\x78\x01" + body, 40) is None
    assert reading.inflate(b"", 4) is None
    assert reading.inflate(zlib.compress(bytes(9))[2:], 9) is None


def test_without_kernels_streams_are_inflated_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.tile(np.arange(9, dtype=np.uint8), 3000).tobytes()
    stream = zlib.compress(data)
    fast = bytes(inflate(stream, len(data)))
    monkeypatch.setattr(native, "library", None)
    assert fast == inflate(stream, len(data)) == data


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_pictures_with_every_filter_are_read_as_opencv_reads_them(channels: int, depth: type) -> None:
    rng = np.random.default_rng(6)
    for number in range(30):
        height, width = (int(side) for side in rng.integers(1, 40, 2))
        pixels = rng.integers(0, 1 << (8 * depth().itemsize), (height, width, channels)).astype(depth)
        if number % 2:
            pixels = cv2.GaussianBlur(pixels, (0, 0), 3).reshape(height, width, channels)
        filters = 0x08 << (number % 6) if number % 6 < 5 else 0xF8  # libpng's bits: one filter, or all of them
        content = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_FILTER, filters])[1].tobytes()
        read = png_read.read(content)
        assert read is not None
        assert np.array_equal(read, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB))
        assert read.flags.owndata or read.base.base is None  # not a view of what the next picture is inflated to
        gray = png_read.read_gray(content)
        assert (gray is None) == (channels > 1 or depth is np.uint16)
        assert gray is None or np.array_equal(gray, pixels[:, :, 0])


def test_the_opacity_of_masks_is_read_alike_with_and_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    contents = []
    for number in range(60):
        pixels = rng.integers(0, 3, (*rng.integers(1, 50, 2), 4)).astype(np.uint8) * 127
        filters = (0x08, 0x10, 0x18, 0xF8)[number % 4]
        contents.append(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_FILTER, filters])[1].tobytes())
    fast = [mask_png.read(content) for content in contents]
    monkeypatch.setattr(native, "library", None)
    for content, found in zip(contents, fast, strict=True):
        general = mask_png.read(content)
        assert (found is None) == (general is None)
        assert found is None or np.array_equal(found, general)
    assert sum(found is not None for found in fast) >= 30


def random_canvas(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return rng.integers(0, 256, shape).astype(np.uint8)


def test_alpha_masks_blend_alike_with_and_without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    for shape in ((40, 50), (40, 50, 3)):
        canvas = random_canvas(rng, shape)
        drawn = []
        for _ in range(40):
            alpha = random_canvas(rng, tuple(rng.integers(1, 30, 2)))
            left, top = int(rng.integers(0, 51 - alpha.shape[1])), int(rng.integers(0, 41 - alpha.shape[0]))
            color = tuple(int(value) for value in rng.integers(0, 256, 3))
            drawn.append((AlphaMask(left, top, alpha, None), color if len(shape) == 3 else color[0]))
        general = canvas.copy()
        for mask, color in drawn:
            mask.draw(canvas, color)
        with monkeypatch.context() as without:
            without.setattr(native, "library", None)
            for mask, color in drawn:
                mask.draw(general, color)
        assert np.array_equal(canvas, general)


@pytest.mark.parametrize("value", [0, 1, 77, 128, 200, 255])
def test_every_opacity_blends_a_value_over_every_other_alike(value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    every = np.arange(256, dtype=np.uint8)
    alpha, canvas = np.repeat(every, 256).reshape(256, 256), np.tile(every, 256).reshape(256, 256)
    general = canvas.copy()
    AlphaMask(0, 0, alpha, None).draw(canvas, value)
    monkeypatch.setattr(native, "library", None)
    AlphaMask(0, 0, alpha, None).draw(general, value)
    assert np.array_equal(canvas, general)
