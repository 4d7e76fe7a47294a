"""The coding of bitmap labels: base64(zlib(PNG)) to an array and back (supervisely-format, section 4).

A PNG that is not compressed again is accepted as the SDK accepts it. All arrays are (height, width).
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from isal import isal_zlib
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from airflow_savemasks.engine.image import mask_png, png_read
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.image.header import look
from airflow_savemasks.engine.image.png_container import HEADER, SIGNATURE
from airflow_savemasks.engine.limits import LIMITS, Limits

Mask = NDArray[np.bool_]
Alpha = NDArray[np.uint8]

PNG_COLOR_TYPE = 25  # offset of the color type in a PNG file
PNG_SIZE = 33  # bytes of a PNG's signature and header
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # color type -> values of a pixel
FIRST = 1 << 16  # bytes inflated before anything is known of a bitmap's picture
EXTRAS = 1 << 20  # bytes that a bitmap's picture may have besides its scan lines: texts, a color profile
OF_OTHER_FORMATS = 1 << 26  # bytes of a bitmap's picture that is no PNG, which the SDK reads too
PIECE = 1 << 20  # bytes inflated at a time
GRAY, PALETTE = 0, 3


def decode_mask(data: str, limits: Limits = LIMITS) -> tuple[Mask, bool]:
    """Bitmap data -> mask (height, width) bool and whether the data may be written again as it is.

    Transparent channel where there is one, otherwise a gray value other than 0.
    Raises ValueError where the data is no such bitmap, TooLarge above a limit; an empty mask is the caller's business.
    """
    content, compressed = _unpack(data, limits)
    if not compressed and content[PNG_COLOR_TYPE : PNG_COLOR_TYPE + 1] in (bytes([GRAY]), bytes([PALETTE])):
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


def decode_alpha(data: str, limits: Limits = LIMITS) -> tuple[Alpha, bool]:
    """Alpha mask data -> (height, width) uint8, 0 transparent, and whether it may be written again as it is."""
    content, compressed = _unpack(data, limits)
    if compressed and (alpha := png_read.read_gray(content)) is not None:
        return alpha, True
    image = _imdecode(content, cv2.IMREAD_GRAYSCALE if compressed else cv2.IMREAD_UNCHANGED)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError("an alpha mask must be an 8-bit gray PNG")
    return np.asarray(image, np.uint8), compressed


def encode_mask(mask: Mask) -> str:
    """Mask (height, width) bool -> base64(zlib(PNG)) of two palette entries, entry 0 transparent, as the SDK does."""
    return _pack(png.encode_two_level(mask))


def encode_alpha(alpha: Alpha) -> str:
    """Alpha (height, width) uint8 -> base64(zlib(gray PNG))."""
    return _pack(b"".join(png.encode(png.gray_lines(alpha))))


def shape_of_channels(data: str, limits: Limits = LIMITS) -> tuple[int, ...]:
    """The shape (height, width, channels) of multichannelBitmap data, which are all there; they are not kept.

    Raises ValueError where the data is no such array, TooLarge above a limit.
    """
    pieces = _inflated(_base64(data), limits)
    start = io.BytesIO(next(pieces, b""))
    shape, kind = _read_npy_header(start)
    expected = start.tell() + math.prod(shape) * kind.itemsize
    limits.check("bitmap_bytes", expected)
    if len(shape) != 3 or not shape[0] or not shape[1]:
        raise ValueError(f"a multichannelBitmap needs height, width and channels, this one has {shape}")
    found = len(start.getvalue()) + sum(map(len, pieces))
    if found < expected:
        raise ValueError(f"a multichannelBitmap of {found} bytes, where its header says {expected}")
    return shape


def decode_channels(data: str, limits: Limits = LIMITS) -> NDArray[np.generic]:
    """multichannelBitmap data, as `shape_of_channels` has checked them -> array (height, width, channels)."""
    content = b"".join(_inflated(_base64(data), limits))
    array: NDArray[np.generic] = np.load(io.BytesIO(content), allow_pickle=False)
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


def _unpack(data: str, limits: Limits) -> tuple[bytes, bool]:
    """Base64 of a picture or of a zlib stream of one -> the picture, and whether it was a zlib stream.

    A stream is inflated to its picture's header first, then up to what that promises.
    """
    content = _base64(data)
    if not content:
        raise ValueError("the bitmap does not decode: there is no data")
    decoder = isal_zlib.decompressobj()
    try:
        picture = decoder.decompress(content, FIRST)
    except IsalError:  # type: ignore[misc]  # the stub takes the class for an instance
        _check_size(content, limits)
        return content, False
    if not decoder.eof:
        most = _check_size(picture, limits) if picture.startswith(SIGNATURE) else OF_OTHER_FORMATS
        try:
            picture += decoder.decompress(decoder.unconsumed_tail, most)
        except IsalError as error:  # type: ignore[misc]
            raise ValueError(f"bitmap data is damaged ({error})") from error
        if not decoder.eof:
            raise ValueError("bitmap data is longer than its picture, or ends too early")
    _check_size(picture, limits)
    return picture, True


def _check_size(picture: bytes, limits: Limits) -> int:
    """How many bytes the file of a picture may have, by its beginning. Raises ValueError, TooLarge."""
    if not picture.startswith(SIGNATURE) or len(picture) < PNG_SIZE:
        header = look(picture)
        limits.check("bitmap_pixels", header.height * header.width)
        return len(picture)
    width, height, depth, color_type, *_ = HEADER.unpack_from(picture, PNG_COLOR_TYPE - 9)
    limits.check("bitmap_pixels", width * height)
    lines: int = height * (1 + (width * depth * CHANNELS.get(color_type, 4) + 7) // 8)
    limits.check("bitmap_bytes", lines)
    return lines + lines // 8 + EXTRAS


def _inflated(content: bytes, limits: Limits) -> Iterator[bytes]:
    """A zlib stream in pieces, at most `limits.bitmap_bytes` of it. Raises ValueError, TooLarge."""
    decoder = zlib.decompressobj()
    total = 0
    while not decoder.eof:
        try:
            piece = decoder.decompress(decoder.unconsumed_tail or content, PIECE)
        except zlib.error as error:
            raise ValueError(f"bitmap data is damaged ({error})") from error
        content = b""
        total += len(piece)
        limits.check("bitmap_bytes", total)
        if not piece and not decoder.eof:
            raise ValueError("bitmap data ends too early")
        yield piece


def _read_npy_header(file: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array in numpy's format. Raises ValueError where it is none, or one of Python objects."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(file)
    if version not in read:
        raise ValueError(f"a multichannelBitmap in version {version} of numpy's format")
    shape, _, kind = read[version](file)
    if kind.hasobject:
        raise ValueError("a multichannelBitmap of Python objects")
    return shape, kind


def _pack(content: bytes) -> str:
    lines = np.frombuffer(content, np.uint8).reshape(1, -1)
    return base64.b64encode(b"".join(png.deflate(lines))).decode("ascii")


def _imdecode(content: bytes, flags: int) -> NDArray[Any]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise ValueError("the bitmap does not decode as a PNG")
    return image
