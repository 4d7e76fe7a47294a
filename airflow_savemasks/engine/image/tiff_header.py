"""The first picture of a TIFF: its size, how it is turned, and whether its strips or tiles are all in the file."""

from __future__ import annotations

import struct

from airflow_savemasks.engine.image.exif import ORIENTATION

WIDTH, HEIGHT = 256, 257
PLACES = ((273, 279), (324, 325))  # tags of where strips (tiles) begin, and of how many bytes they have
CODES = {3: "H", 4: "I", 16: "Q"}  # kinds of whole numbers: SHORT, LONG, LONG8
LARGE = 43  # the version of BigTIFF, whose numbers have 8 bytes


def read_tiff(content: bytes) -> tuple[int, int, int, int]:
    """Height, width, orientation, 1. Raises ValueError, or struct.error where the file ends before a field."""
    order = "<" if content.startswith(b"II") else ">"
    large = struct.unpack_from(f"{order}H", content, 2)[0] == LARGE
    (at,) = struct.unpack_from(f"{order}Q" if large else f"{order}I", content, 8 if large else 4)
    (count,) = struct.unpack_from(f"{order}Q" if large else f"{order}H", content, at)
    start, size, layout = (at + 8, 20, "HHQ") if large else (at + 2, 12, "HHI")
    if start + count * size > len(content):
        raise struct.error("the directory is longer than the file")
    fields: dict[int, tuple[int, ...]] = {}
    for number in range(count):
        place = start + number * size
        tag, kind, values = struct.unpack_from(f"{order}{layout}", content, place)
        if kind in CODES and tag not in fields and (tag in {WIDTH, HEIGHT, ORIENTATION} or tag in sum(PLACES, ())):
            fields[tag] = _numbers(content, order, CODES[kind], values, place + size - (8 if large else 4), large)
    for places, sizes in PLACES:
        for offset, length in zip(fields.get(places, ()), fields.get(sizes, ()), strict=False):
            if offset + length > len(content):
                raise ValueError("the picture does not decode: the file ends too early")
    height, width, turn = (fields.get(tag, (0,))[0] for tag in (HEIGHT, WIDTH, ORIENTATION))
    return height, width, turn, 1


def _numbers(content: bytes, order: str, code: str, count: int, at: int, large: bool) -> tuple[int, ...]:
    """The values of a field: in the directory where they fit, otherwise where it says."""
    size = struct.calcsize(code) * count
    if size > (8 if large else 4):
        (at,) = struct.unpack_from(f"{order}Q" if large else f"{order}I", content, at)
    if at + size > len(content) or not count:
        raise struct.error("a field lies outside of the file")
    return struct.unpack_from(f"{order}{count}{code}", content, at)
