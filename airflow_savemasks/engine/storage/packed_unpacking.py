"""A compressed tar as a work file: unpacked once, to a file without a name that goes with its last reader."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

from airflow_savemasks.engine.errors import SettingsError, StorageError
from airflow_savemasks.engine.limits import Limits, above
from airflow_savemasks.engine.storage.base import CHUNK, Entry
from airflow_savemasks.engine.storage.packed_index import PACK_AGAIN, Readable

ROOM, SHARE = 1 << 30, 20  # what stays free: this many bytes, or this part of a smaller disk
LOOK = 64 << 20  # bytes written between two looks at the disk
FED = 32 << 10  # packed bytes given to a decoder at once
MEMORY = 256 << 20  # bytes that a decoder may take, as its file asks for
ENDINGS = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "tbz2": "bz2", "xz": "xz", "txz": "xz", "zst": "zst", "tzst": "zst"}


class WorkFile:
    """The bytes of a tar, unpacked."""

    def __init__(self, file: Any, size: int, obey: Callable[[], None]) -> None:
        self._file = file
        self._obey = obey
        self.size = size

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:  # noqa: ARG002
        while size > 0 and (chunk := os.pread(self._file.fileno(), min(CHUNK, size), offset)):
            self._obey()
            offset, size = offset + len(chunk), size - len(chunk)
            yield chunk


def unpack(source: Readable, archive: Entry, uri: str, limits: Limits, obey: Callable[[], None]) -> WorkFile:
    """Read an archive once, from its first byte to its last, into a work file.

    Raises StorageError where it is damaged or cut off, too large, or the disk too small; SettingsError where nothing
    here can unpack it; Stopped.
    """
    kind = ENDINGS[uri.lower().rpartition(".")[2]]
    chunks = source.stream("", 0, archive.size, archive)
    pieces = _decoders(uri)[kind](chunks)
    folder = tempfile.gettempdir()
    _check_room(uri, folder, archive.size)
    file = tempfile.TemporaryFile(prefix="savemasks-")  # noqa: SIM115 - it lives as long as what reads it
    try:
        size = _write(file, pieces, uri, folder, limits, obey)
    except BaseException:
        file.close()
        raise
    return WorkFile(file, size, obey)


def _write(file: Any, pieces: Iterable[bytes], uri: str, folder: str, limits: Limits, obey: Callable[[], None]) -> int:
    """Write it all out; how many bytes it is."""
    size = looked = 0
    with _errors(uri):
        for piece in pieces:
            obey()
            size += len(piece)
            if size > limits.unpacked_bytes:
                raise StorageError(uri, *above("unpacked_bytes", size, limits))
            file.write(piece)
            if size - looked > LOOK:
                file.flush()
                looked = size
                _check_room(uri, folder, 0)
        file.flush()
    return size


def _check_room(uri: str, folder: str, wanted: int) -> None:
    disk = shutil.disk_usage(folder)
    missing = wanted + min(ROOM, disk.total // SHARE) - disk.free
    if missing > 0:
        fact = f"cannot be unpacked: at least {missing:,} bytes are missing on the disk of {folder}"
        raise StorageError(uri, fact, "Free some space, set TMPDIR to a larger disk, or unpack it beforehand")


@contextmanager
def _errors(uri: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        raise StorageError(uri, f"is damaged or cut off ({error})", PACK_AGAIN) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(uri, "the disk for its work file is full", "Set TMPDIR to a larger disk") from error
        if error.errno is None:  # what decoders say of their data
            raise StorageError(uri, f"is damaged or cut off ({error})", PACK_AGAIN) from error
        raise StorageError(uri, f"{error.strerror}", "Look at the disk for temporary files") from error
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
