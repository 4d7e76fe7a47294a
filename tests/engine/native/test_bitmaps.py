"""Labels made of pixels that are decoded many at once are those that are decoded one by one, and so is what is refused.

Each label is read twice: with the annotation's other labels, by the kernel, and alone, by Python, ISA-L and OpenCV.
"""

from __future__ import annotations

import base64
import struct
import zlib
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry import ahead
from airflow_savemasks.engine.geometry.ahead import BATCH, Ahead
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.base import Given
from airflow_savemasks.engine.geometry.bitmap import Bitmap
from airflow_savemasks.engine.geometry.bitmap_coding import encode_mask
from airflow_savemasks.engine.image.png_container import SIGNATURE, chunk
from airflow_savemasks.engine.limits import LIMITS, Limits
from airflow_savemasks.engine.native import bitmaps

pytestmark = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
Rng = np.random.Generator
Kind = type[Bitmap] | type[AlphaMask]
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)
FILTERS = (0x08, 0x10, 0x20, 0x40, 0x80, 0xF8)  # libpng's bits of PNG's filters: one, or all of them


def item_of(text: Any) -> dict[str, Any]:
    return {"bitmap": {"origin": [3, -4], "data": text}}


def parsed(kind: Kind, text: Any, ahead: Ahead | None, limits: Limits = LIMITS) -> Any:
    """A label as it is read, or the error."""
    try:
        label = kind.parse(item_of(text), Given(limits=limits, ahead=ahead))
    except ValueError as error:
        return type(error).__name__, str(error), getattr(error, "fix", None)
    return label.left, label.top, label.array.dtype.str, label.array.tolist(), label.text


def read_alike(texts: list[Any], limits: Limits = LIMITS) -> int:
    """How many were decoded by the kernel, once every one has been compared."""
    for kind in (Bitmap, AlphaMask):
        ahead = Ahead([item_of(text) for text in texts], limits)
        for text in texts:
            assert parsed(kind, text, ahead, limits) == parsed(kind, text, None, limits)
    return sum(Ahead([item_of(text)], limits).take(text) is not None for text in texts)


def pixels_of(rng: Rng) -> NDArray[Any]:
    """Blobs, noise, single pixels, nothing at all; gray, RGB or RGBA of 8 or 16 bits."""
    height, width = (int(side) for side in rng.integers(1, 40, 2))
    shown = rng.random((height, width)) < rng.choice([0, 0.01, 0.5, 1])
    if rng.random() < 0.4:
        shown[height // 3 :, : width // 2] = True
    dtype = np.uint16 if rng.random() < 0.05 else np.uint8
    channels = (1, 3, 4, 4, 4)[rng.integers(5)]
    values = rng.integers(0, 3, (height, width, channels)) * 127 if rng.random() < 0.5 else 255
    return (shown[:, :, None] * np.broadcast_to(values, (height, width, channels))).astype(dtype)


def png_of(rng: Rng) -> bytes:
    if rng.random() < 0.2:
        content = base64.b64decode(encode_mask(pixels_of(rng)[:, :, 0] > 0))
        return zlib.decompress(content)
    options = [cv2.IMWRITE_PNG_FILTER, FILTERS[rng.integers(6)], cv2.IMWRITE_PNG_COMPRESSION, int(rng.integers(0, 10))]
    content = cv2.imencode(".png", pixels_of(rng), options)[1].tobytes()
    return in_chunks(content, rng) if rng.random() < 0.3 else content


def in_chunks(content: bytes, rng: Rng) -> bytes:
    """The same PNG, its pixels cut into several chunks."""
    at, out = len(SIGNATURE), SIGNATURE
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        name, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        cuts = sorted({0, size, *rng.integers(0, size + 1, 3).tolist()}) if name == b"IDAT" else [0, size]
        for start, end in pairwise(cuts):
            out += chunk(name, data[start:end])
        if cuts == [0]:
            out += chunk(name, b"")
        at += size + 12
    return out + (chunk(b"IEND", b"") if not out.endswith(chunk(b"IEND", b"")) else b"")


def text_of(content: bytes, rng: Rng) -> str:
    if rng.random() < 0.1:
        return base64.b64encode(content).decode()
    level, strategy = int(rng.integers(0, 10)), STRATEGIES[rng.integers(len(STRATEGIES))]
    encoder = zlib.compressobj(level, zlib.DEFLATED, int(rng.integers(9, 16)), 8, strategy)
    return base64.b64encode(encoder.compress(content) + encoder.flush()).decode()


def test_labels_in_any_coding_are_read_alike() -> None:
    rng = np.random.default_rng(21)
    read = read_alike([text_of(png_of(rng), rng) for _ in range(500)])
    assert read > 200


def damaged(content: bytes, rng: Rng) -> bytes:
    """Some bits turned over, a piece gone or doubled, the end cut off or something behind it."""
    out = bytearray(content)
    for _ in range(int(rng.integers(1, 3))):
        if not out:
            break
        at, kind = int(rng.integers(len(out))), rng.integers(6)
        if kind < 3:
            out[at] ^= 1 << int(rng.integers(8))
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            out[at:at] = out[at : at + int(rng.integers(1, 40))]
        else:
            del out[at : at + int(rng.integers(1, 10))]
    return bytes(out)


def mended(content: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what stands in them, as far as it still has chunks."""
    at, out = len(SIGNATURE), content[: len(SIGNATURE)]
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + size > len(content):
            break
        out += chunk(content[at + 4 : at + 8], content[at + 8 : at + 8 + size])
        at += size + 12
    return out + content[at:]


@pytest.mark.parametrize("seed", range(4))
def test_damaged_labels_are_refused_alike(seed: int) -> None:
    """Damage to the text, to the stream, to the PNG, and to what the PNG's own checksums would show."""
    rng = np.random.default_rng([22, seed])
    texts = []
    for _ in range(200):
        content = png_of(rng)
        kind = rng.integers(5)
        if kind == 0:
            texts.append(damaged(text_of(content, rng).encode(), rng).decode("latin-1"))
        elif kind == 1:
            texts.append(base64.b64encode(damaged(zlib.compress(content), rng)).decode())
        elif kind == 2:
            texts.append(text_of(damaged(content, rng), rng))
        else:
            texts.append(text_of(mended(damaged(content, rng)), rng))
    assert read_alike(texts) < 150


def picture_of(width: int, height: int, lines: bytes, depth: int = 8, color_type: int = 6) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def test_sizes_that_are_not_there_and_bombs_are_refused_alike() -> None:
    sides = (0, 1, 7, 4000, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
    texts = [packed(picture_of(width, height, bytes(4001))) for width in sides for height in sides]
    texts.append(packed(picture_of(4, 4, bytes(50_000_000))))
    texts.append(packed(picture_of(4, 4, bytes(68)) + bytes(50_000_000)))
    texts.append(packed(picture_of(1000, 1200, bytes(1200 * 4001))))
    assert read_alike(texts) == 0  # an empty one has to be told, too


def test_what_is_above_a_limit_is_refused_alike() -> None:
    rng = np.random.default_rng(23)
    texts = [packed(png_of(rng)) for _ in range(60)]
    for limits in (Limits(bitmap_pixels=300), Limits(bitmap_bytes=900), Limits(bitmap_pixels=1 << 70)):
        assert 0 < read_alike(texts, limits) <= 60


@pytest.mark.parametrize(
    "text",
    ["", "=", "====", "AAA=", "A", "AAAA", "AA==", "AA=A", "A===", "\u00e9" * 4, "AAAA\n", None, 7, ["AAAA"], b"AAAA"],
)
def test_what_is_no_text_of_a_label_is_refused_alike(text: Any) -> None:
    ahead = Ahead([item_of(text), None, [], {"bitmap": None}, {"bitmap": {"data": {}}}], LIMITS)
    for kind in (Bitmap, AlphaMask):
        assert parsed(kind, text, ahead) == parsed(kind, text, None)


def test_every_remainder_of_base64_and_spaces_in_it() -> None:
    content = zlib.compress(picture_of(3, 2, bytes([0, *[9] * 12]) * 2))
    texts = [base64.b64encode(content + bytes(more)).decode() for more in range(4)]
    assert read_alike(texts) == 4
    assert read_alike([text[:8] + "\n" + text[8:] for text in texts] + [text + "\n" for text in texts]) == 0
    odd = base64.b64encode(content + b"\0").decode().replace("==", "").replace("=", "")
    assert read_alike([odd, odd + "=", odd + "==", odd + "==="]) <= 2


def test_transparency_of_palettes_in_all_its_lengths() -> None:
    lines = bytes([0, 0b10100000, 0, 0b01000000])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 1, 3, 0, 0, 0))
    colors, pixels, end = chunk(b"PLTE", bytes(6)), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")
    texts = []
    for opacity in (b"", b"\0", b"\xff", b"\0\0", b"\0\1", b"\1\0", b"\xff\xff", b"\0\xff\0", b"\1\1\1\1"):
        clear = chunk(b"tRNS", opacity)
        for parts in ((colors, clear, pixels), (clear, colors, pixels), (colors, pixels, clear), (clear, pixels)):
            texts.append(packed(b"".join([SIGNATURE, header, *parts, end])))
            texts.append(packed(b"".join([SIGNATURE, header, *parts, parts[0], end])))
    assert read_alike([*texts, packed(SIGNATURE + header + colors + pixels + end)]) >= 4


def test_labels_come_in_batches_however_many_and_however_large_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(24)
    small = [encode_mask(rng.random((20, 30)) < 0.5) for _ in range(50)]
    large = [encode_mask(np.ones((1500, 1500), bool)), encode_mask(rng.random((3000, 3000)) < 0.5)]
    assert len(large[1]) > BATCH
    texts = [*small[:20], *large[:1] * 5, *large, *small[20:], *small[:3]]
    asked: list[int] = []
    read = bitmaps.read

    def noted(texts: list[str], *limits: int) -> list[Any]:
        asked.append(len(texts))
        return read(texts, *limits)

    monkeypatch.setattr(bitmaps, "read", noted)
    ahead = Ahead([item_of(text) for text in texts], LIMITS)
    for text in texts:
        assert parsed(Bitmap, text, ahead) == parsed(Bitmap, text, None)
    assert asked[0] == len(texts) - 1  # all but the one that is too long
    assert 2 <= len(asked) <= 8


def test_no_batch_of_labels_is_larger_than_one_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a batch ends exactly with a label."""
    rng = np.random.default_rng(25)
    texts = [encode_mask(rng.random((9, 9)) < 0.5) for _ in range(20)]
    read = bitmaps.read
    asked: list[list[str]] = []

    def noted(texts: list[str], *limits: int) -> list[Any]:
        asked.append(texts)
        return read(texts, *limits)

    monkeypatch.setattr(bitmaps, "read", noted)
    monkeypatch.setattr(ahead, "BATCH", sum(map(len, texts[:6])))
    labels = Ahead([item_of(text) for text in texts], LIMITS)
    assert all(labels.take(text) is not None for text in texts)
    assert asked[0] == texts[:6]
    assert [text for batch in asked for text in batch] == texts
    assert max(sum(map(len, batch)) for batch in asked) == ahead.BATCH


def test_a_label_is_not_made_larger_than_what_shows_of_it() -> None:
    mask = np.zeros((900, 800), bool)
    mask[400:405, 300:302] = True
    ahead = Ahead([item_of(encode_mask(mask))], LIMITS)
    label = Bitmap.parse(item_of(encode_mask(mask)), Given(ahead=ahead))
    assert label.array.base is None or label.array.base.nbytes == 10
    assert (label.left, label.top, label.text) == (303, 396, None)
