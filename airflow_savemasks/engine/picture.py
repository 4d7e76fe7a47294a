"""A picture's bytes to an array, and the certainty that they are all there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import picture_png

# any case; other files in img/ are no pictures (supervisely-format, section 1)
EXTENSIONS = frozenset(".jpg .jpeg .mpo .bmp .png .webp .tiff .tif .nrrd .jfif".split())
JPEG, PNG = b"\xff\xd8", b"\x89PNG"
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"


def is_picture(name: str) -> bool:
    """Whether a file name in img/ is one of a picture."""
    stem, dot, extension = name.rpartition(".")
    return bool(stem and dot) and f".{extension.lower()}" in EXTENSIONS


def decode(content: bytes) -> NDArray[np.uint8]:
    """Picture bytes -> (height, width, 3) uint8 RGB.

    EXIF orientation applied, alpha dropped, gray repeated, palette expanded, 16 bit cut to 8 (section 5 of the
    format). Raises ValueError where the bytes are no picture or end too early: OpenCV would fill up the rest in gray.
    """
    if not content:
        raise ValueError("the file is empty")
    if truncated(content):
        raise ValueError("the picture does not decode: the file ends too early")
    if content.startswith(PNG) and (read := picture_png.read(content)) is not None:
        return read
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ValueError(f"the picture does not decode: {error.err}") from error
    if image is None:
        raise ValueError("the picture does not decode: the file is damaged or of a format that OpenCV does not read")
    return np.asarray(image, np.uint8)


def truncated(content: bytes) -> bool:
    """Whether a JPEG lacks its end marker or a PNG its end chunk. False for other formats: their decoders tell."""
    if content.startswith(PNG):
        return content.rfind(b"IEND") < 0
    if not content.startswith(JPEG):
        return False
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == START_OF_SCAN:
            return content.rfind(END_OF_IMAGE, at) < 0  # inside of a scan 0xFF is always followed by 0 or a restart
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return True
