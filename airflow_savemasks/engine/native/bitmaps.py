"""The kernel that decodes labels made of pixels, many in one call: for small ones, calls cost more than decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native

FIELDS = 8  # of each label that was read: `Found` in bitmaps.c
REFUSED, MASK = 0, 1
PIXELS = 1 << 22  # of the labels of one call
HIGHEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Decoded:
    """A label's pixels between the edges of what shows.

    shape: (height, width) of all of it; left, top: of `pixels` in it; pixels: (h, w), bool of a mask and uint8, the
    opacity, of an alpha mask.
    """

    shape: tuple[int, int]
    left: int
    top: int
    pixels: NDArray[np.bool_] | NDArray[np.uint8]


def read(texts: Sequence[str], most_pixels: int, most_bytes: int) -> list[Decoded | None]:
    """ASCII texts of labels, at least one, to what they show; fewer than there are texts where they are large.

    None for one that has to be decoded otherwise: above a limit, damaged, empty, or only of another kind.
    """
    library = native.library
    assert library is not None
    text = np.frombuffer("".join(texts).encode("ascii"), np.uint8)
    ends = np.fromiter(accumulate(map(len, texts)), np.int64, len(texts))
    room = native.scratch.take("bitmaps", library.bitmaps_room(max(map(len, texts))))
    out = native.scratch.take("pixels", PIXELS)
    found = np.empty((len(texts), FIELDS), np.int64)
    limits = min(most_pixels, HIGHEST), min(most_bytes, HIGHEST)
    arrays = room.ctypes.data, out.ctypes.data, PIXELS, found.ctypes.data
    done = library.bitmaps_read(text.ctypes.data, ends.ctypes.data, len(texts), *limits, *arrays)
    return [_decoded(out, *row) for row in found[:done].tolist()]


def _decoded(
    out: NDArray[np.uint8], kind: int, height: int, width: int, top: int, left: int, rows: int, columns: int, at: int
) -> Decoded | None:
    if kind == REFUSED:
        return None
    pixels = out[at : at + rows * columns].reshape(rows, columns).copy()
    return Decoded((height, width), left, top, pixels.view(np.bool_) if kind == MASK else pixels)
