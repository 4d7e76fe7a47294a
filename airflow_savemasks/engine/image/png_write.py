"""Arrays to PNG bytes, fast: one filter for all rows, and the deflate of our kernels (or, without them, of ISA-L).

OpenCV's writer tries to be small with zlib on one thread; figures are in benchmarks/results/table.md.
Everything heavy here (kernels, numpy, ISA-L) runs without the GIL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.png_container import HEADER, SIGNATURE, chunk
from airflow_savemasks.engine.native import writing

GRAY, RGB, PALETTE = 0, 2, 3  # color types of the PNG specification
NO_FILTER, SUB = 0, 1
RGB_BYTES = 3  # of a pixel
STRIPE_BYTES = 1 << 19  # scan lines made at a time without kernels
LEVEL = 1  # ISA-L: 0 is larger, 2 and 3 are slower and hardly smaller
Pieces = list[bytes]  # joining them would hold a large PNG twice
BLACK_WHITE = b"\x00\x00\x00\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class ScanLines:
    """An image on its way into a PNG file.

    width, height: in pixels; color_type: GRAY, RGB or PALETTE; stream: the zlib stream of all scan lines, each with its
    filter byte, top to bottom, in pieces that are made as they are taken, so that a tall image needs no array of its
    whole size; depth: bits of a channel; extra: chunks that stand before the pixels.
    """

    width: int
    height: int
    color_type: int
    stream: Iterable[bytes]
    depth: int = 8
    extra: bytes = b""


def gray_lines(image: NDArray[np.uint8]) -> ScanLines:
    """(height, width) uint8 -> scan lines. No filter: masks are runs of equal bytes."""

    def stream() -> Iterator[bytes]:
        rows = np.empty((height, width + 1), np.uint8)
        rows[:, 0] = NO_FILTER
        rows[:, 1:] = image
        yield from deflate(rows)

    height, width = image.shape
    return ScanLines(width, height, GRAY, stream())


def rgb_lines(image: NDArray[np.uint8]) -> ScanLines:
    """(height, width, 3) uint8 RGB -> scan lines with the Sub filter."""

    def stream() -> Iterator[bytes]:
        rows = np.empty((height, width * 3 + 1), np.uint8)
        rows[:, 1:] = image.reshape(height, width * 3)
        yield from deflate(filter_sub(rows, 3, np.empty_like(rows)))

    height, width, _ = image.shape
    return ScanLines(width, height, RGB, stream())


def palette_lines(image: NDArray[np.uint8], palette: bytes) -> ScanLines:
    """(height, width) uint8 -> scan lines of indices. palette: PLTE, three bytes for each index."""
    return replace(gray_lines(image), color_type=PALETTE, extra=chunk(b"PLTE", palette))


def wide_lines(numbers: NDArray[Any], values: NDArray[np.uint16]) -> ScanLines:
    """Numbers (height, width) uint8 or uint16 -> scan lines of 16 bits a pixel, by a table (n,) of values."""
    height, width = numbers.shape
    table = values.astype(">u2").view(np.uint8).reshape(-1, 2)
    return ScanLines(width, height, GRAY, _mapped(numbers, table), depth=16)


def value_lines(numbers: NDArray[Any], values: NDArray[np.uint8]) -> ScanLines:
    """Numbers (height, width) uint8 or uint16 -> scan lines of gray by a table (n,), without an array of all lines."""
    height, width = numbers.shape
    return ScanLines(width, height, GRAY, _mapped(numbers, values.reshape(-1, 1)))


def mapped_lines(numbers: NDArray[Any], colors: NDArray[np.uint8]) -> ScanLines:
    """Numbers (height, width) uint8 or uint16 -> scan lines of RGB with the Sub filter, by a table (n, 3) of colors."""
    height, width = numbers.shape
    return ScanLines(width, height, RGB, _mapped(numbers, colors))


def _mapped(numbers: NDArray[Any], table: NDArray[np.uint8]) -> Iterator[bytes]:
    """The zlib stream of scan lines of a table's entries (n, bytes of a pixel): RGB filtered by Sub, others not."""
    if native.library:
        lines = writing.MappedLines(numbers, table)
        yield from (lines.write(top) for top in range(0, lines.height, lines.rows))
        yield lines.end()
        return
    height, width = numbers.shape
    pixel = table.shape[1]
    rows = max(1, STRIPE_BYTES // (1 + pixel * width))

    def stripes() -> Iterator[NDArray[np.uint8]]:
        for top in range(0, height, rows):
            part = table[numbers[top : top + rows]]
            lines = np.zeros((len(part), 1 + pixel * width), np.uint8)
            lines[:, 1:] = part.reshape(len(part), -1)
            yield filter_sub(lines, 3, np.empty_like(lines)) if pixel == RGB_BYTES else lines

    yield from deflate_stripes(stripes())


def encode(lines: ScanLines) -> Pieces:
    """Scan lines to a PNG file, as pieces to be written one after the other. The lines can be taken once."""
    return assemble(lines.width, lines.height, lines.color_type, lines.stream, lines.depth, lines.extra)


def encode_two_level(mask: NDArray[np.bool_]) -> bytes:
    """(height, width) bool -> 1-bit palette PNG, black is transparent and white is not."""
    height, width = mask.shape
    packed = np.packbits(mask, axis=1)
    rows = np.zeros((height, packed.shape[1] + 1), np.uint8)
    rows[:, 1:] = packed
    extra = chunk(b"PLTE", BLACK_WHITE) + chunk(b"tRNS", b"\x00")
    return b"".join(assemble(width, height, PALETTE, deflate(rows), depth=1, extra=extra))


def filter_sub(rows: NDArray[np.uint8], channels: int, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sub filter over whole scan lines.

    rows: (height, 1 + width * channels) uint8, column 0 is free for the filter's number. Fills and returns `out`, of
    the same shape: each byte minus the byte of the pixel to its left, modulo 256.
    """
    out[:, 0] = SUB
    first = 1 + channels
    out[:, 1:first] = rows[:, 1:first]
    np.subtract(rows[:, first:], rows[:, 1:-channels], out=out[:, first:])
    return out


def deflate(lines: NDArray[np.uint8]) -> Iterable[bytes]:
    """Filtered scan lines (height, 1 + n), contiguous -> a zlib stream in pieces."""
    return native.compress(lines, lines.shape[1]) if native.library else deflate_stripes([lines])


def deflate_stripes(stripes: Iterable[NDArray[np.uint8]]) -> Iterator[bytes]:
    """Runs of scan lines to a zlib stream in pieces, by ISA-L."""
    stream = isal_zlib.compressobj(LEVEL)
    for rows in stripes:
        yield stream.compress(rows)
    yield stream.flush()


def assemble(
    width: int, height: int, color_type: int, stream: Iterable[bytes], depth: int = 8, extra: bytes = b""
) -> Pieces:
    """A PNG file, as pieces to be written one after the other.

    stream: as in ScanLines.
    """
    body = [b"IDAT", *stream]
    size = sum(map(len, body)) - 4
    crc = 0
    for piece in body:
        crc = isal_zlib.crc32(piece, crc)
    header = chunk(b"IHDR", HEADER.pack(width, height, depth, color_type, 0, 0, 0))
    tail = struct.pack(">I", crc) + chunk(b"IEND", b"")
    return [SIGNATURE + header + extra + struct.pack(">I", size), *body, tail]
