"""The size of a picture as it is shown, without decoding it where the head of the file says it."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

Size = tuple[int, int]

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
EXIF = b"Exif\x00\x00"
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
APP1 = 0xE1
ORIENTATION = 0x0112
TURNED_BY_A_QUARTER = frozenset({5, 6, 7, 8})


def picture_size(path: Path) -> Size:
    """Return (width, height) of a picture, EXIF orientation applied; (0, 0) if it cannot be read."""
    data = path.read_bytes()
    try:
        size = _head_size(data)
    except (struct.error, IndexError):
        size = None
    return size or _decoded_size(data)


def _head_size(data: bytes) -> Size | None:
    if data.startswith(PNG) and b"eXIf" not in data:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    return _jpeg_size(data) if data.startswith(JPEG) else None


def _jpeg_size(data: bytes) -> Size | None:
    position, orientation = len(JPEG), 1
    while data[position] == 0xFF:
        marker = data[position + 1]
        length, start = struct.unpack_from(">H", data, position + 2)[0], position + 4
        if marker in START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, start + 1)
            return (height, width) if orientation in TURNED_BY_A_QUARTER else (width, height)
        if marker == APP1 and data.startswith(EXIF, start):
            orientation = _orientation(data[start + len(EXIF) : position + 2 + length])
        position += 2 + length
    return None


def _orientation(tiff: bytes) -> int:
    order = "<" if tiff.startswith(b"II") else ">"
    directory = struct.unpack_from(f"{order}I", tiff, 4)[0]
    for number in range(struct.unpack_from(f"{order}H", tiff, directory)[0]):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * number)
        if tag == ORIENTATION:
            return int(value)
    return 1


def _decoded_size(data: bytes) -> Size:
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return (0, 0) if array is None else (int(array.shape[1]), int(array.shape[0]))
