"""A picture's bytes to an array. What they say of themselves before that stands in header.py."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.image import png_read
from airflow_savemasks.engine.image.header import Header, look
from airflow_savemasks.engine.image.png_container import SIGNATURE as PNG
from airflow_savemasks.engine.limits import Limits


def inspect(content: bytes, limits: Limits) -> Header:
    """What a picture says of itself. Raises ValueError where it is none or is cut off, TooLarge above a limit."""
    limits.check("picture_bytes", len(content))
    header = look(content)
    limits.check("picture_pixels", header.height * header.width)
    limits.check("jpeg_scans", header.scans)
    return header


def decode(content: bytes) -> NDArray[np.uint8]:
    """Bytes of a picture that was inspected -> (height, width, 3) uint8 RGB.

    EXIF orientation applied, alpha dropped, gray repeated, palette expanded, 16 bit cut to 8 (section 5 of the
    format). Raises ValueError where the bytes are no picture.
    """
    if content.startswith(PNG) and (read := png_read.read(content)) is not None:
        return read
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ValueError(f"the picture does not decode: {error.err}") from error
    if image is None:
        raise ValueError("the picture does not decode: the file is damaged or of a format that OpenCV does not read")
    return np.asarray(image, np.uint8)
