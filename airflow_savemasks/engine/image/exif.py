"""The one thing that EXIF data are read for: how a picture is turned."""

from __future__ import annotations

import struct

MARK = b"Exif\0\0"  # what stands before the data in a JPEG
UPRIGHT = 1
TURNED = frozenset((5, 6, 7, 8))  # height and width change places
ORIENTATION = 274  # the tag's number


def orientation(data: bytes) -> int:
    """EXIF data (a TIFF header and its first directory) -> 1 to 8; 1 where they say nothing or are damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    try:
        if order is None:
            return UPRIGHT
        (at,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        for number in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", data, at + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if kind == 3 and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT
