"""The kernels of this folder's C files, for what an export spends its time on.

Blending, filtering and compressing scan lines (writing.py), scaling down (scaling.py), reading PNG pictures
(reading.py) and labels made of pixels (bitmaps.py), painting many labels at once (masks/stamps.py). They are compiled
when the package is installed (build_kernels.py) and called without the GIL. Where no compiler was at hand `library` is
None, and numpy, OpenCV and ISA-L do the same work: the pixels are the same, the bytes of the PNGs are not, so
`identity` is part of every digest.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from airflow_savemasks.engine.log import log

Bytes = NDArray[np.uint8]

HERE = Path(__file__).parent
FILE = HERE / "kernels.so"
WINDOW = 32768  # bytes that deflate looks back
PIECE = 1 << 18  # bytes compressed at a time: they and what is made of them stay in a core's cache
CALL = 4 * PIECE  # bytes compressed in one call: after each one the thread has to get the GIL back
ZLIB_HEADER = b"\x78\x01"

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_STREAM = _POINTER, _POINTER, _SIZE, _POINTER, _SIZE, _POINTER
_DRAWN = _POINTER, _POINTER, _SIZE, _POINTER, _POINTER, _POINTER
_QUICK = frozenset(  # called with the GIL
    ("bitmaps_room", "inflate_tables_size", "deflate_state_size", "deflate_bound", "deflate_start", "deflate_end")
)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "deflate_state_size": (_SIZE, []),
    "deflate_bound": (_SIZE, [_SIZE]),
    "deflate_start": (None, [_POINTER]),
    "deflate_pieces": (_SIZE, [_POINTER, _POINTER, _SIZE, _SIZE, _SIZE, _SIZE, _POINTER]),
    "deflate_end": (_SIZE, [_POINTER, _POINTER]),
    "lines_choose": (ctypes.c_int, [_POINTER, _SIZE, _SIZE]),
    "lines_count": (None, [_POINTER, _SIZE, _SIZE, _POINTER]),
    "human_write": (
        _SIZE,
        [*_DRAWN, ctypes.c_int, _SIZE, _SIZE, _SIZE, _SIZE, ctypes.c_int, *_STREAM],
    ),
    "human_blend": (None, [*_DRAWN, _SIZE, _SIZE, _POINTER]),
    "area_scale": (None, [_POINTER, _SIZE, _SIZE, _SIZE, _SIZE, _POINTER, _POINTER, _POINTER]),
    "mapped_write": (_SIZE, [_POINTER, _SIZE, _POINTER, _SIZE, _SIZE, _SIZE, _SIZE, *_STREAM[1:]]),
    "numbers_map": (None, [_POINTER, _SIZE, _SIZE, _POINTER, _SIZE, _POINTER]),
    "numbers_extent": (None, [_POINTER, _SIZE, _SIZE, _SIZE, _POINTER]),
    "lines_unfilter": (ctypes.c_int, [_POINTER, _SIZE, _SIZE, _SIZE, _SIZE, _POINTER]),
    "lines_opacity": (ctypes.c_int, [_POINTER, _SIZE, _SIZE, _POINTER]),
    "lines_change": (None, [_POINTER, _SIZE, _SIZE, _POINTER, _SIZE, _SIZE, _SIZE, _POINTER]),
    "bitmaps_room": (_SIZE, [_SIZE]),
    "bitmaps_read": (
        _SIZE,
        [_POINTER, _POINTER, _SIZE, ctypes.c_uint64, ctypes.c_uint64, _POINTER, _POINTER, _SIZE, _POINTER],
    ),
    "canvas_stamp": (_SIZE, [_POINTER, _SIZE, ctypes.c_int64, ctypes.c_int64, _POINTER, _SIZE]),
    "inflate_tables_size": (_SIZE, []),
    "inflate_zlib": (_SIZE, [_POINTER, _SIZE, _POINTER, _SIZE, _POINTER]),
}


def sources() -> str:
    """A digest of the C files; compiled into the library, so that one of other sources is noticed."""
    running = sha256()
    for path in sorted(HERE.glob("*.[ch]")):
        running.update(path.read_bytes())
    return running.hexdigest()[:16]


def _load() -> ctypes.CDLL | None:
    if not FILE.exists():
        return None
    try:
        found = ctypes.CDLL(str(FILE))
        found.kernels_sources.restype = ctypes.c_char_p
        stamp = found.kernels_sources().decode()
    except (OSError, AttributeError) as error:
        log.warning("%s: cannot be used (%s); install the package again", FILE, error)
        return None
    if stamp != sources():
        log.warning("%s: compiled from other sources, not used; install the package again", FILE)
        return None
    quick = ctypes.PyDLL(str(FILE))
    for name, (result, arguments) in _SIGNATURES.items():
        if name in _QUICK:
            setattr(found, name, getattr(quick, name))
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


library = _load()


def identity() -> str:
    """What stands in digests and manifests: which kernels made the bytes, "none" without them."""
    return str(library.kernels_sources().decode()) if library else "none"


class _Scratch(threading.local):
    """Arrays that a thread uses again and again: fresh memory costs more than filling it."""

    def __init__(self) -> None:
        self._arrays: dict[str, Bytes] = {}

    def take(self, name: str, size: int) -> Bytes:
        """At least `size` bytes of anything; the last ones taken under this name are gone."""
        array = self._arrays.get(name)
        if array is None or len(array) < size:
            array = self._arrays[name] = np.empty(size, np.uint8)
        return array


scratch = _Scratch()


class Stream:
    """A zlib stream of scan lines. One at a time in a thread.

    distance: of bytes between which repeats are likely, 0 if there is none.
    """

    def __init__(self, distance: int = 0) -> None:
        assert library is not None
        self._library = library
        self._state = scratch.take("state", library.deflate_state_size())
        self.state = self._state.ctypes.data
        self.distance = distance
        self._adler = 1
        self._header = ZLIB_HEADER
        library.deflate_start(self.state)

    def write(self, data: Bytes, history: int) -> bytes:
        """Compress contiguous bytes. history: how many bytes before them in memory were written last."""
        assert data.flags.c_contiguous

        def work(out: int) -> int:
            return int(
                self._library.deflate_pieces(
                    self.state, data.ctypes.data, data.size, PIECE, history, self.distance, out
                )
            )

        return self.take(data, PIECE, work)

    def take(self, data: Bytes, piece: int, work: Callable[[int], int]) -> bytes:
        """Let `work` compress data, `piece` bytes at a time, to an address; it returns how many bytes it made."""
        out = scratch.take("out", (data.size // piece + 1) * self._library.deflate_bound(min(piece, data.size)))
        start = out.ctypes.data
        size = work(start)
        self._adler = isal_zlib.adler32(data, self._adler)
        header, self._header = self._header, b""
        return header + ctypes.string_at(start, size)

    def end(self) -> bytes:
        """The last bytes of the stream."""
        out = scratch.take("out", 16)
        size = self._library.deflate_end(self.state, out.ctypes.data)
        return self._header + ctypes.string_at(out.ctypes.data, size) + self._adler.to_bytes(4, "big")


def compress(lines: Bytes, distance: int) -> list[bytes]:
    """A whole zlib stream of contiguous scan lines, in pieces."""
    stream = Stream(distance)
    flat = lines.reshape(-1)
    pieces = [stream.write(flat[at : at + CALL], min(at, WINDOW)) for at in range(0, flat.size, CALL)]
    return [*pieces, stream.end()]


def count(numbers: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """How often each number occurs in a contiguous uint8 or uint16 array whose numbers are below `bins`."""
    assert library is not None
    assert numbers.flags.c_contiguous
    counts = np.zeros(bins, np.int64)
    library.lines_count(numbers.ctypes.data, numbers.itemsize, numbers.size, counts.ctypes.data)
    return counts
