"""The coding of bitmap labels: base64(zlib(PNG)) to an array and back (supervisely-format, section 4).

A PNG that is not compressed again is accepted as the SDK accepts it. All arrays are (height, width).
"""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from typing import Any

import cv2
import numpy as np
from isal import isal_zlib
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from airflow_savemasks.engine import mask_png, png

Mask = NDArray[np.bool_]
Alpha = NDArray[np.uint8]

PNG_COLOUR_TYPE = 25  # offset of the colour type in a PNG file
GRAY, PALETTE = 0, 3


def decode_mask(data: str) -> tuple[Mask, bool]:
    """Bitmap data -> mask (height, width) bool and whether the data may be written again as it is.

    Transparent channel where there is one, otherwise a gray value other than 0.
    Raises ValueError where the data is no such bitmap; an empty mask is the caller's business.
    """
    content, compressed = _unpack(data)
    if not compressed and content[PNG_COLOUR_TYPE : PNG_COLOUR_TYPE + 1] in (bytes([GRAY]), bytes([PALETTE])):
        raise ValueError("a bitmap that is not zlib-compressed must be an RGB or RGBA PNG")
    if compressed and (mask := mask_png.read(content)) is not None:
        return mask, True
    image = _imdecode(content, cv2.IMREAD_UNCHANGED)
    if not compressed:  # the SDK opens these with Pillow, which cuts 16 bits to 8 before anything else
        eight = np.right_shift(image, 8, dtype=np.uint16) if image.dtype == np.uint16 else image
        return np.asarray(eight.any(axis=-1), np.bool_), False
    if image.ndim == 2:
        return image.astype(np.bool_), True
    if image.shape[2] == 4:
        return image[:, :, 3].astype(np.bool_), True
    raise ValueError(f"the bitmap's PNG has {image.shape[2]} channels without transparency")


def decode_alpha(data: str) -> tuple[Alpha, bool]:
    """Alpha mask data -> (height, width) uint8, 0 transparent, and whether it may be written again as it is."""
    content, compressed = _unpack(data)
    image = _imdecode(content, cv2.IMREAD_GRAYSCALE if compressed else cv2.IMREAD_UNCHANGED)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError("an alpha mask must be an 8-bit gray PNG")
    return np.asarray(image, np.uint8), compressed


def encode_mask(mask: Mask) -> str:
    """Mask (height, width) bool -> base64(zlib(PNG)) of two palette entries, entry 0 transparent, as the SDK does."""
    return _pack(png.encode_two_level(mask))


def encode_alpha(alpha: Alpha) -> str:
    """Alpha (height, width) uint8 -> base64(zlib(gray PNG))."""
    return _pack(b"".join(png.encode_gray(alpha)))


def decode_channels(data: str) -> NDArray[np.generic]:
    """multichannelBitmap data -> array (height, width, channels) as stored by numpy."""
    array: NDArray[np.generic] = np.load(io.BytesIO(zlib.decompress(_base64(data))), allow_pickle=False)
    if array.ndim != 3 or not array.shape[0] or not array.shape[1]:
        raise ValueError(f"a multichannelBitmap needs height, width and channels, this one has {array.shape}")
    return array


def encode_channels(array: NDArray[np.generic]) -> str:
    """The reverse of `decode_channels`."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return _pack(file.getvalue())


def _base64(data: str) -> bytes:
    if not isinstance(data, str):
        raise ValueError("bitmap data must be text in base64")
    try:
        return binascii.a2b_base64(data)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"bitmap data is not base64 ({error})") from error


def _unpack(data: str) -> tuple[bytes, bool]:
    content = _base64(data)
    try:
        return isal_zlib.decompress(content), True
    except IsalError:  # type: ignore[misc]  # the stub takes the class for an instance
        return content, False


def _pack(content: bytes) -> str:
    lines = np.frombuffer(content, np.uint8).reshape(1, -1)
    return base64.b64encode(b"".join(png.deflate(lines))).decode("ascii")


def _imdecode(content: bytes, flags: int) -> NDArray[Any]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise ValueError("the bitmap does not decode as a PNG")
    return image
