"""What a picture's header says is what OpenCV decodes, for every format and every turn, without decoding."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.image import exif
from airflow_savemasks.engine.image.decode import decode, inspect
from airflow_savemasks.engine.image.header import look
from airflow_savemasks.engine.image.png_container import chunk
from airflow_savemasks.engine.limits import Limits, TooLarge

PIXELS = np.random.default_rng(1).integers(0, 256, (30, 46, 3), np.uint8)
FORMATS = {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WebP", ".tif": "TIFF"}


def encoded(ending: str, *options: int) -> bytes:
    return cv2.imencode(ending, PIXELS, list(options))[1].tobytes()


def tag(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """EXIF data with an orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    other = struct.pack(f"{order}HHIHH", 256, 3, 1, 7, 0)
    field = struct.pack(f"{order}HHIHH", 274, kind, 1, orientation, 0)
    return mark + struct.pack(f"{order}IH", 8, 2) + other + field + bytes(4)


def turned(ending: str, data: bytes) -> bytes:
    """A picture with these EXIF data."""
    plain = encoded(ending)
    if ending == ".jpg":
        body = exif.MARK + data
        return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    if ending == ".png":
        return plain[:33] + chunk(b"eXIf", data) + plain[33:]
    body = plain[12:]  # WebP: the extended form tells that there are EXIF data
    wide, high = (PIXELS.shape[1] - 1).to_bytes(3, "little"), (PIXELS.shape[0] - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([8, 0, 0, 0]) + wide + high
    notes = b"EXIF" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    inside = b"WEBP" + extended + body + notes
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


@pytest.mark.parametrize("ending", FORMATS)
def test_the_size_is_that_of_the_decoded_picture(ending: str) -> None:
    header = look(encoded(ending))
    assert header.format == FORMATS[ending]
    assert (header.height, header.width) == decode(encoded(ending)).shape[:2] == (30, 46)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
def test_a_turned_picture_has_the_size_that_opencv_turns_it_to(ending: str, orientation: int, order: str) -> None:
    content = turned(ending, tag(orientation, order))
    header = look(content)
    assert (header.height, header.width) == decode(content).shape[:2]
    assert (header.height > header.width) == (orientation >= 5)


@pytest.mark.parametrize("data", [b"", b"II*\0", tag(9), tag(0), tag(6, kind=2), b"XX*\0" + tag(6)[4:], tag(6)[:20]])
def test_damaged_exif_data_turn_nothing(data: bytes) -> None:
    assert exif.orientation(data) == 1


@pytest.mark.parametrize("ending", FORMATS)
def test_a_picture_cut_anywhere_before_its_end_is_refused(ending: str) -> None:
    content = encoded(ending)
    needed = len(content) - (0 if ending != ".tif" else 40)  # a TIFF may end with fields that nobody needs
    for size in {*range(0, needed, 7), needed - 1, needed - 2, needed - 3}:
        with pytest.raises(ValueError, match=r"does not decode|empty"):
            look(content[:size])
    assert look(content + b"what cameras write behind it").width == 46


def test_large_and_small_ends_of_a_tiff_are_read() -> None:
    def tiff(order: str, large: bool) -> bytes:
        head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if large else 42)
        head += struct.pack(f"{order}HHQ", 8, 0, 16) if large else struct.pack(f"{order}I", 8)
        fields = [(256, 46), (257, 30), (274, 6), (273, 300), (279, 60)]
        code = "HHQQ" if large else "HHII"
        body = b"".join(struct.pack(f"{order}{code}", number, 16 if large else 4, 1, value) for number, value in fields)
        count = struct.pack(f"{order}Q" if large else f"{order}H", len(fields))
        return (head + count + body).ljust(360, b"\0")

    for order in "<>":
        for large in (False, True):
            header = look(tiff(order, large))
            assert (header.height, header.width) == (46, 30)
            with pytest.raises(ValueError, match="ends too early"):
                look(tiff(order, large)[:359])


def test_rows_from_the_top_and_the_header_of_os2_are_sizes_of_a_bmp_too() -> None:
    upside = bytearray(encoded(".bmp"))
    upside[22:26] = struct.pack("<i", -30)
    assert look(bytes(upside)).height == 30
    old = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 46, 30, 1, 24) + bytes(140 * 30)
    assert (look(old).height, look(old).width) == (30, 46)
    with pytest.raises(ValueError, match="ends too early"):
        look(old[:-1])


def test_scans_are_counted_where_there_are_several() -> None:
    assert look(encoded(".jpg")).scans == 1
    progressive = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    scans = look(progressive).scans
    assert 2 <= scans <= 12
    with pytest.raises(TooLarge, match="scans of a progressive JPEG") as refused:
        inspect(progressive, Limits(jpeg_scans=scans - 1))
    assert f"limits={{'jpeg_scans': {scans}}}" in refused.value.fix
    assert inspect(progressive, Limits(jpeg_scans=scans)).scans == scans


def test_limits_hold_for_what_is_above_them_and_not_for_what_is_at_them() -> None:
    content = encoded(".png")
    assert inspect(content, Limits(picture_pixels=30 * 46, picture_bytes=len(content))).height == 30
    with pytest.raises(TooLarge, match="1,380 pixels of a picture"):
        inspect(content, Limits(picture_pixels=30 * 46 - 1))
    with pytest.raises(TooLarge, match="bytes of a picture's file"):
        inspect(content, Limits(picture_bytes=len(content) - 1))


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"\xff\xd8\xff\xd9", "without a scan"),
        (b"\xff\xd8\xff\xe0\x00\x04ab" + b"x" * 50, "no JPEG segment at byte 8"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"x" * 20), "does not begin with its header"),
        (b"RIFF\x20\0\0\0WAVE" + bytes(40), "no WebP"),
        (b"BM" + bytes(60), "0x0 pixels"),
        (b"GIF89a", "none of JPEG, PNG, BMP, WebP, TIFF"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(content: bytes, fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        look(content)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_many_growing_archives_is_whole_only_with_all_of_them(order: str) -> None:
    fields = [(256, 4, 1, 46), (257, 4, 1, 30), (273, 4, 3, 200), (279, 3, 3, 212)]
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(fields))
    body = b"".join(struct.pack(f"{order}HHII", *field) for field in fields)
    arrays = struct.pack(f"{order}III", 300, 400, 500) + struct.pack(f"{order}HHH", 100, 100, 77)
    content = (head + body).ljust(200, b"\0") + arrays
    assert look(content.ljust(577, b"\0")).height == 30
    with pytest.raises(ValueError, match="ends too early"):
        look(content.ljust(576, b"\0"))
