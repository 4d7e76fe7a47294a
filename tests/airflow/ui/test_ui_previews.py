"""Previews: what a strip by strip decoder gives is what OpenCV gives, in little memory."""

from __future__ import annotations

import threading
import tracemalloc

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_write import encode, gray_lines, palette_lines, rgb_lines, wide_lines
from airflow_savemasks.ui import previews, strips
from airflow_savemasks.ui.previews import SIDES, NoPicture, Previews, TooLarge, make, side_for

pytestmark = pytest.mark.skipif(native.library is None, reason="needs the kernels")


def noise(height: int, width: int, channels: int) -> np.ndarray:
    small = np.random.default_rng(height).integers(0, 256, (height // 4 + 1, width // 4 + 1, channels), np.uint8)
    return np.ascontiguousarray(np.kron(small, np.ones((4, 4, 1), np.uint8))[:height, :width])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 300), (301, 5), (257, 129)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strip", [1, 1000, 1 << 20])
def test_strips_are_the_picture(
    height: int, width: int, channels: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "STRIP", strip)
    monkeypatch.setattr(strips, "FEED", 100)
    image = noise(height, width, channels)
    own = b"".join(encode(gray_lines(image[:, :, 0]) if channels == 1 else rgb_lines(image)))
    others = [cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes() for level in (1, 9)]
    for content in (own, *others):
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(strips.smaller(content, 10_000, exact=False), decoded)
    small = strips.smaller(own, 64, exact=True)
    assert max(small.shape[:2]) <= 64
    assert set(np.unique(small)) <= set(np.unique(image))


def test_what_is_damaged_or_another_png_is_left_to_opencv() -> None:
    content = cv2.imencode(".png", noise(40, 30, 3))[1].tobytes()
    for wrong in (content[:200], content[:60] + b"\xff" * 90 + content[150:], b"", b"<svg>"):
        assert strips.smaller(wrong, 10, exact=False) is None
    wide = cv2.imencode(".png", noise(40, 30, 3).astype(np.uint16))[1].tobytes()
    assert strips.smaller(wide, 10, exact=False) is None


def test_a_picture_of_12000_x_9000_takes_little_memory() -> None:
    image = np.zeros((9000, 24001, 3), np.uint8)
    image[4000:, 5000:9000] = (10, 200, 30)
    content = b"".join(encode(rgb_lines(image)))
    del image
    tracemalloc.start()
    made = make(content, 512, exact=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    shape = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR).shape
    assert (shape[1] - 512, shape[0] - 192) == (pytest.approx(0, abs=12), pytest.approx(0, abs=6))
    assert peak < 150 << 20


def test_previews_of_masks_have_the_values_of_palettes_of_16_bits_and_of_colors() -> None:
    values = noise(60, 80, 1)[:, :, 0]
    palette = encode(palette_lines(values, bytes(reversed(range(256))) * 3))
    wide = encode(wide_lines(values, np.arange(256, dtype=np.uint16) * 257))
    kept = Previews()
    for mark, kind, content, expected in (
        ("a", "machine", palette, values),
        ("b", "instances", wide, values.astype(np.uint16) * 257),
        ("c", "semantic", encode(rgb_lines(noise(60, 80, 3))), noise(60, 80, 3)[:, :, ::-1]),
    ):
        made, media = kept.give(mark, kind, 256, lambda content=content: b"".join(content))
        assert media == "image/png"
        assert np.array_equal(cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_UNCHANGED), expected)


def test_what_is_no_picture_has_no_preview() -> None:
    for content in (b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"x" * 40):
        with pytest.raises(NoPicture):
            make(content, 256, exact=False)


def test_there_are_few_sides() -> None:
    assert {side_for(wanted) for wanted in range(1, 10_000)} == set(SIDES)
    wanted = {1: 256, 256: 256, 257: 512, 4096: 4096, 4097: 4096}
    assert {one: side_for(one) for one in wanted} == wanted


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_picture_that_would_be_decoded_whole_has_a_most_of_pixels(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "MOST_PIXELS", 40 * 30)
    assert make(cv2.imencode(ending, noise(30, 40, 3))[1].tobytes(), 256, exact=False)
    with pytest.raises(TooLarge, match="41 x 30 pixels are too many"):
        make(cv2.imencode(ending, noise(30, 41, 3))[1].tobytes(), 256, exact=False)


def test_a_jpeg_is_decoded_no_smaller_than_its_preview() -> None:
    stripes = np.tile(np.repeat(np.array([0, 255], np.uint8), 2), 150)  # two pixels wide: half of that is gray
    content = cv2.imencode(".jpg", np.tile(stripes, (400, 1)), [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    shown = cv2.imdecode(np.frombuffer(make(content, 256, exact=False), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (171, 256)
    assert shown.std() > 40


def test_one_preview_is_made_once_by_many_and_the_oldest_goes() -> None:
    kept = Previews(most_bytes=3000)
    content = cv2.imencode(".png", noise(300, 300, 3))[1].tobytes()
    made = []

    def ask() -> None:
        kept.give("a" * 64, "human", 256, lambda: made.append(1) or content)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(made) == 1
    kept.give("b" * 64, "human", 256, lambda: content)
    ask()
    assert len(made) == 2
