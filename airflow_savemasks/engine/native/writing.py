"""The kernels for what goes out: scan lines of masks and their zlib streams, blends, where numbers lie in a canvas."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.native import CALL, PIECE, WINDOW, Stream, scratch

Bytes = NDArray[np.uint8]

EXTENT = 5  # numbers that `numbers_extent` finds of each number


class HumanLines:
    """Makes the filtered scan lines of one human mask, and their zlib stream, from top to bottom.

    picture: (height, width, 3) uint8; numbers: (height, width) uint8 or uint16; colors: (n, 3) uint8 by number;
    drawing: None, or (height, width, 3) uint8 that is black where nothing is painted, used instead of the numbers;
    mix: None where half of picture and color is wanted, otherwise (256, 256) uint8: what each value of a color makes of
    each value of the picture; beside: whether the picture stands on the left, and a green column.
    """

    def __init__(
        self,
        picture: Bytes,
        numbers: NDArray[Any],
        colors: Bytes,
        drawing: Bytes | None,
        mix: Bytes | None = None,
        *,
        beside: bool = True,
    ) -> None:
        assert native.library is not None
        self._library = native.library
        self._arrays = [np.ascontiguousarray(array) for array in (picture, numbers, colors)]
        self._drawing = None if drawing is None else np.ascontiguousarray(drawing)
        self._mix = None if mix is None else np.ascontiguousarray(mix)
        self._beside = beside
        self.height, self.width = numbers.shape
        self._line = 3 * (2 * self.width + 1 if beside else self.width) + 1
        self._step = max(1, PIECE // self._line)
        self.rows = self._step * max(1, CALL // (self._step * self._line))
        self._raw = scratch.take("raw", 2 * self._line)
        self._raw[: 2 * self._line] = 0
        self._room = scratch.take("lines", WINDOW + self.rows * self._line)
        self._filter = self._library.lines_choose(self._arrays[0].ctypes.data, self.height, self.width)
        self._stream = Stream(3 * (self.width + 1) if beside else 0)

    def write(self, top: int) -> bytes:
        """`rows` scan lines from row `top` on, fewer at the bottom, compressed."""
        pixel = top * self.width
        rows = min(self.rows, self.height - top)
        size = rows * self._line
        lines = self._room[WINDOW : WINDOW + size]
        picture, numbers, colors = (array.ctypes.data for array in self._arrays)
        itemsize = self._arrays[1].itemsize
        drawing = None if self._drawing is None else self._drawing.ctypes.data + 3 * pixel
        drawn = picture + 3 * pixel, numbers + itemsize * pixel, itemsize, colors, drawing, _address(self._mix)
        rest = self._beside, self.width, rows, self._step, top, self._filter, self._raw.ctypes.data, lines.ctypes.data
        stream = min(top * self._line, WINDOW), self._stream.state, self._stream.distance

        def work(out: int) -> int:
            return int(self._library.human_write(*drawn, *rest, *stream, out))

        made = self._stream.take(lines, self._step * self._line, work)
        self._room[:WINDOW] = self._room[size : size + WINDOW]
        return made

    def end(self) -> bytes:
        """The last bytes of the stream."""
        return self._stream.end()


class MappedLines:
    """Makes the scan lines of an image of numbers by a table, and their zlib stream, from top to bottom.

    numbers: (height, width) uint8 or uint16; table: (n, 1), (n, 2) or (n, 3) uint8, the bytes of a pixel by its number.
    Lines of three bytes a pixel are filtered by Sub, others are not.
    """

    def __init__(self, numbers: NDArray[Any], table: Bytes) -> None:
        assert native.library is not None
        self._library = native.library
        self._numbers, self._table = np.ascontiguousarray(numbers), np.ascontiguousarray(table)
        self.height, self.width = numbers.shape
        self._line = 1 + table.shape[1] * self.width
        self._step = max(1, PIECE // self._line)
        self.rows = self._step * max(1, CALL // (self._step * self._line))
        self._room = scratch.take("lines", WINDOW + self.rows * self._line)
        self._stream = Stream(self._line)

    def write(self, top: int) -> bytes:
        """`rows` scan lines from row `top` on, fewer at the bottom, compressed."""
        rows = min(self.rows, self.height - top)
        size = rows * self._line
        lines = self._room[WINDOW : WINDOW + size]
        bytes_each = self._numbers.itemsize
        numbers = self._numbers.ctypes.data + bytes_each * top * self.width
        drawn = numbers, bytes_each, self._table.ctypes.data, self._table.shape[1], self.width, rows, self._step
        stream = min(top * self._line, WINDOW), self._stream.state, self._stream.distance

        def work(out: int) -> int:
            return int(self._library.mapped_write(*drawn, lines.ctypes.data, *stream, out))

        made = self._stream.take(lines, self._step * self._line, work)
        self._room[:WINDOW] = self._room[size : size + WINDOW]
        return made

    def end(self) -> bytes:
        """The last bytes of the stream."""
        return self._stream.end()


def blend(picture: Bytes, numbers: NDArray[Any], colors: Bytes, drawing: Bytes | None, mix: Bytes | None) -> Bytes:
    """The picture with colors over it, (height, width, 3) uint8; what is given is as in HumanLines."""
    assert native.library is not None
    arrays = [np.ascontiguousarray(array) for array in (picture, numbers, colors)]
    picture, numbers, colors = arrays
    drawing = None if drawing is None else np.ascontiguousarray(drawing)
    height, width = numbers.shape
    out = np.empty((height, width, 3), np.uint8)
    drawn = picture.ctypes.data, numbers.ctypes.data, numbers.itemsize, colors.ctypes.data
    native.library.human_blend(*drawn, _address(drawing), _address(mix), width, height, out.ctypes.data)
    return out


def look_up(numbers: NDArray[Any], table: Bytes) -> Bytes:
    """Numbers (height, width) uint8 or uint16 to a table's entries: (h, w) of (n,), (h, w, 3) of (n, 3)."""
    assert native.library is not None
    numbers, table = np.ascontiguousarray(numbers), np.ascontiguousarray(table)
    out = np.empty((*numbers.shape, *table.shape[1:]), np.uint8)
    entry = 1 if table.ndim == 1 else table.shape[1]
    assert entry in (1, 3)
    of_table = table.ctypes.data, entry, out.ctypes.data
    native.library.numbers_map(numbers.ctypes.data, numbers.itemsize, numbers.size, *of_table)
    return out


def extent(numbers: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """(bins, 5): how many pixels have each number, and their box: left, top, right, bottom, which are inside.

    numbers: (height, width) uint8 or uint16, contiguous, below `bins`. Nothing is said of 0.
    """
    assert native.library is not None
    assert numbers.flags.c_contiguous
    found = np.zeros((bins, EXTENT), np.int64)
    height, width = numbers.shape
    native.library.numbers_extent(numbers.ctypes.data, numbers.itemsize, height, width, found.ctypes.data)
    return found


def _address(array: Bytes | None) -> int | None:
    return None if array is None else array.ctypes.data
