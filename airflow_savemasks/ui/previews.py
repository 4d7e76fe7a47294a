"""Small pictures of large ones, made once, in bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.image.header import look
from airflow_savemasks.engine.image.png_read import indices_as_gray
from airflow_savemasks.ui.strips import smaller

SIDES = (256, 512, 1024, 2048, 4096)  # few, so that nobody has a thousand of them made
MOST_BYTES = 64 << 20  # that are kept
MOST_PIXELS = 300_000_000  # of a picture that is decoded here as a whole
MANY_PIXELS = 16_000_000  # of one that is decoded strip by strip, if it can be
AT_ONCE = threading.Semaphore(2)
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
QUALITY = 85
LOOKED_AT = frozenset(("picture", "human"))  # kinds whose values nobody reads


class TooLarge(Exception):
    """A picture that is not decoded for a preview."""


class NoPicture(Exception):
    """Bytes that are no picture."""


def side_for(wanted: int) -> int:
    """The smallest of SIDES that is not below, or the largest."""
    return next((side for side in SIDES if side >= wanted), SIDES[-1])


class Previews:
    """By the file's SHA-256, its kind and the side."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._making: dict[tuple[str, str, int], threading.Lock] = {}

    def give(self, sha256: str, kind: str, side: int, content: Callable[[], bytes]) -> tuple[bytes, str]:
        """A preview and its content type. content: gives the file. Raises TooLarge, NoPicture."""
        key, exact = (sha256, kind, side), kind not in LOOKED_AT
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                with self._lock:
                    made = self._kept.get(key)
                    if made is not None:
                        self._kept.move_to_end(key)
                if made is None:
                    with AT_ONCE:
                        made = make(content(), side, exact=exact)
                    self._keep(key, made)
        finally:
            with self._lock:
                self._making.pop(key, None)
        return made, "image/png" if exact else "image/jpeg"

    def _keep(self, key: tuple[str, str, int], made: bytes) -> None:
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._most:
                self._kept.popitem(last=False)


def make(content: bytes, side: int, *, exact: bool) -> bytes:
    """A picture whose longer side is `side` pixels at most, as JPEG; exact: as PNG of values that the picture has."""
    try:
        header = look(content)
    except ValueError as error:
        raise NoPicture(str(error)) from error
    pixels = header.height * header.width
    if exact:
        content = indices_as_gray(content)
    if header.format == "PNG" and pixels > MANY_PIXELS and (image := smaller(content, side, exact=exact)) is not None:
        return _encoded(image, exact=exact)
    if pixels > MOST_PIXELS:
        raise TooLarge(f"{header.width} x {header.height} pixels are too many to be made smaller here")
    scale = side / max(header.height, header.width)
    flags = cv2.IMREAD_UNCHANGED
    if not exact:
        factor = max((one for one in REDUCED if one * scale <= 1), default=1) if header.format == "JPEG" else 1
        flags = REDUCED.get(factor, cv2.IMREAD_COLOR)
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if decoded is None:
        raise NoPicture("the picture does not decode")
    if scale < 1:
        width, height = (max(1, round(value * scale)) for value in (header.width, header.height))
        decoded = cv2.resize(decoded, (width, height), interpolation=cv2.INTER_NEAREST if exact else cv2.INTER_AREA)
    return _encoded(decoded, exact=exact)


def _encoded(image: NDArray[Any], *, exact: bool) -> bytes:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 3] if exact else [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return cv2.imencode(".png" if exact else ".jpg", image, options)[1].tobytes()
