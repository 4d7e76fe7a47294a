"""A compressed tar as a work file: unpacked once."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, cast

from airflow_savemasks.engine.errors import SettingsError, StorageError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.storage.base import CHUNK, Entry
from airflow_savemasks.engine.storage.packed_index import PACK_AGAIN
from airflow_savemasks.engine.storage.range_reader import Readable
from airflow_savemasks.engine.storage.work_file import Bound, WorkFile, write_work_file

FED = 32 << 10  # packed bytes given to a decoder at once
MEMORY = 256 << 20  # bytes that a decoder may take, as its file asks for
ENDINGS = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "tbz2": "bz2", "xz": "xz", "txz": "xz", "zst": "zst", "tzst": "zst"}


def unpack(source: Readable, archive: Entry, uri: str, limits: Limits, obey: Callable[[], None]) -> WorkFile:
    """Read an archive once, from its first byte to its last, into a work file.

    Raises StorageError where it is damaged or cut off, too large, or the disk too small; SettingsError where nothing
    here can unpack it; Stopped.
    """
    kind = ENDINGS[uri.lower().rpartition(".")[2]]
    chunks = source.stream("", 0, archive.size, archive)
    pieces = _decoders(uri)[kind](chunks)
    bound = Bound(uri, limits, "unpacked_bytes", "unpacked")
    bound.check_room(archive.size)
    return write_work_file(_named(pieces, uri), bound, obey)


def _named(pieces: Iterator[bytes], uri: str) -> Iterator[bytes]:
    """The same pieces; what decoders say of their data becomes an error that names the archive."""
    try:
        yield from pieces
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise StorageError(uri, f"is damaged or cut off ({error})", PACK_AGAIN) from error
    except OSError as error:
        if error.errno is not None:  # of the work file that is read, not of the data
            raise StorageError(uri, f"{error.strerror}", "Look at the disk that it lies on") from error
        raise StorageError(uri, f"is damaged or cut off ({error})", PACK_AGAIN) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise StorageError(uri, f"is damaged or cut off ({error})", PACK_AGAIN) from error


def _decoders(uri: str) -> dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]]:
    return {
        "gz": lambda chunks: _read(gzip.GzipFile(fileobj=_buffered(chunks))),
        "bz2": lambda chunks: _decoded(bz2.BZ2Decompressor, chunks),
        "xz": lambda chunks: _decoded(lambda: lzma.LZMADecompressor(memlimit=MEMORY), chunks),
        "zst": lambda chunks: _read(_open_zstd(uri, _buffered(chunks))),
    }


def _decoded(make: Callable[[], Any], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Several streams one after the other, with zeros between or after them, as one."""
    decoder = make()
    for chunk in chunks:
        for at in range(0, len(chunk), FED):
            fed = chunk[at : at + FED]
            while fed:
                if decoder.eof:
                    fed = fed.lstrip(b"\0")
                    decoder = make() if fed else decoder
                    continue
                yield decoder.decompress(fed, CHUNK)
                while not decoder.eof and not decoder.needs_input:
                    yield decoder.decompress(b"", CHUNK)
                fed = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise EOFError("it ends in the middle of a compressed stream")


def _open_zstd(uri: str, file: io.BufferedReader) -> Any:
    """A reader by whichever module is there: that of Python 3.14, its backport, or zstandard."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name).ZstdFile(file, options=None)
        except ModuleNotFoundError:
            continue
    try:
        zstandard = import_module("zstandard")
    except ModuleNotFoundError as error:
        fix = "Install it: pip install 'airflow-savemasks[zstd]'"
        raise SettingsError(uri, "nothing is installed that unpacks zstd", fix) from error
    decoder = zstandard.ZstdDecompressor(max_window_size=MEMORY)
    return decoder.stream_reader(file, read_across_frames=True)


def _read(file: Any) -> Iterator[bytes]:
    while piece := cast("bytes", file.read(CHUNK)):
        yield piece


def _buffered(chunks: Iterator[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_Chunks(chunks), CHUNK)


class _Chunks(io.RawIOBase):
    """Chunks as a file to read on in."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._held = memoryview(chunk)
        taken = self._held[: len(buffer)]
        buffer[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)
