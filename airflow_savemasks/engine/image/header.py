"""What a picture says of itself before it is decoded: its format, its size, and whether its end is there.

Every picture is looked at, also where none is decoded, and nothing here takes more memory than the file has. Formats
are told by content, not by name, as OpenCV does. Sizes are those of the turned picture (EXIF orientation), which is
what OpenCV decodes and what an annotation is for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow_savemasks.engine.image import exif
from airflow_savemasks.engine.image.png_container import SIGNATURE as PNG
from airflow_savemasks.engine.image.tiff_header import read_tiff

JPEG, BMP, RIFF = b"\xff\xd8\xff", b"BM", b"RIFF"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
CUT = "the picture does not decode: the file ends too early"
END_OF_IMAGE, START_OF_SCAN = b"\xff\xd9", b"\xff\xda"
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's markers of a frame: they tell the size
PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))


@dataclass(frozen=True, slots=True)
class Header:
    """height, width: in pixels, of the turned picture; scans: of a JPEG that is drawn in several, otherwise 1."""

    format: str
    height: int
    width: int
    scans: int = 1


def look(content: bytes) -> Header:
    """The header of a picture. Raises ValueError where it is none, is cut off, or is of a format that is not read."""
    if not content:
        raise ValueError("the file is empty")
    for begins, name, read in _FORMATS:
        if content.startswith(begins):
            try:
                height, width, turn, scans = read(content)
            except (struct.error, IndexError) as error:  # a field where the file has no more bytes
                raise ValueError(CUT) from error
            if height <= 0 or width <= 0:
                raise ValueError(f"the picture does not decode: its header says {width}x{height} pixels")
            if turn in exif.TURNED:
                height, width = width, height
            return Header(name, height, width, scans)
    known = ", ".join(dict.fromkeys(name for _, name, _ in _FORMATS))
    raise ValueError(f"the picture does not decode: the file is damaged or none of {known}")


def _read_jpeg(content: bytes) -> tuple[int, int, int, int]:
    """Walks the segments up to the first scan; behind it the end marker has to come."""
    height = width = components = 0
    turn = exif.UPRIGHT
    several = False
    for marker, start, size in _segments(content):
        if marker == 0xE1 and turn == exif.UPRIGHT and content.startswith(exif.MARK, start):
            turn = exif.orientation(content[start + len(exif.MARK) : start + size])
        elif marker in FRAMES:
            _, height, width, components = struct.unpack_from(">BHHB", content, start)
            several = marker in PROGRESSIVE
        elif marker == START_OF_SCAN[1]:
            if content.rfind(END_OF_IMAGE, start) < 0:  # inside of a scan 0xFF is always followed by 0 or a restart
                raise ValueError(CUT)
            several = several or content[start] < components
            scans = 1 + content.count(START_OF_SCAN, start) if several else 1
            return height, width, turn, scans
    raise ValueError(CUT)


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, place and bytes of its data) of a JPEG's segments, the first scan being the last of them."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError(f"the picture does not decode: no JPEG segment at byte {at}")
        marker = content[at + 1]
        if marker == 0xFF:  # a filling byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without data
            at += 2
        elif marker == END_OF_IMAGE[1]:
            raise ValueError("the picture does not decode: a JPEG without a scan")
        else:
            size = int.from_bytes(content[at + 2 : at + 4], "big")
            yield marker, at + 4, size - 2
            at += 2 + size


def _read_png(content: bytes) -> tuple[int, int, int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    if content[12:16] != b"IHDR":
        raise ValueError("the picture does not decode: a PNG that does not begin with its header")
    turn = exif.UPRIGHT
    at = len(PNG)
    while True:
        size, name = struct.unpack_from(">I4s", content, at)
        if name == b"IEND" and at + 12 + size <= len(content):
            return height, width, turn, 1
        if name == b"eXIf":
            turn = exif.orientation(content[at + 8 : at + 8 + size])
        at += size + 12


def _read_bmp(content: bytes) -> tuple[int, int, int, int]:
    start, kind = struct.unpack_from("<II", content, 10)
    layout = "<HHHH" if kind == 12 else "<iiHH"  # 12: the header of OS/2
    width, height, _, bits = struct.unpack_from(layout, content, 18)
    plain = kind == 12 or struct.unpack_from("<I", content, 30)[0] in {0, 3}  # not run-length coded
    if plain and start + (abs(width) * bits + 31) // 32 * 4 * abs(height) > len(content):
        raise ValueError(CUT)
    return abs(height), width, exif.UPRIGHT, 1  # a height below 0: rows from the top


def _read_webp(content: bytes) -> tuple[int, int, int, int]:
    (size,) = struct.unpack_from("<I", content, 4)
    if content[8:12] != b"WEBP":
        raise ValueError("the picture does not decode: a RIFF file that is no WebP")
    if 8 + size > len(content):
        raise ValueError(CUT)
    found: tuple[int, int] | None = None
    turn = exif.UPRIGHT
    at = 12
    while at + 8 <= min(8 + size, len(content)):
        name, length = struct.unpack_from("<4sI", content, at)
        data = at + 8
        if name == b"VP8X":
            width, height = (int.from_bytes(content[data + i : data + i + 3], "little") + 1 for i in (4, 7))
            found = height, width
        elif name == b"VP8 " and found is None:
            width, height = struct.unpack_from("<HH", content, data + 6)
            found = height & 0x3FFF, width & 0x3FFF
        elif name == b"VP8L" and found is None:
            (bits,) = struct.unpack_from("<I", content, data + 1)
            found = (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
        elif name == b"EXIF":
            turn = exif.orientation(content[data : data + length].removeprefix(exif.MARK))
        at = data + length + length % 2
    if found is None:
        raise ValueError(CUT)
    return *found, turn, 1


_FORMATS: list[tuple[bytes, str, Callable[[bytes], tuple[int, int, int, int]]]] = [
    (JPEG, "JPEG", _read_jpeg),
    (PNG, "PNG", _read_png),
    (BMP, "BMP", _read_bmp),
    (RIFF, "WebP", _read_webp),
    *((begins, "TIFF", read_tiff) for begins in TIFF),
]
