"""What a PNG file is made of: signature, header, chunks, one zlib stream. For writing and for reading."""

from __future__ import annotations

import struct
from typing import Any

from isal import isal_zlib

from airflow_savemasks.engine import native
from airflow_savemasks.engine.native import reading

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")  # width, height, depth, color type, compression, filter method, interlace
WORTH_TABLES = 1 << 12  # bytes from which on our own kernel is faster than ISA-L
Buffer = Any  # bytes, bytearray or memoryview: Python 3.11 has no name for what has a buffer


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk as it stands in the file: size, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind)))


def inflate(stream: Buffer, size: int) -> Buffer:
    """A zlib stream of `size` bytes, until the thread inflates the next one. Raises IsalError, ValueError.

    One that holds more is not decompressed further; one that holds less comes as it is.
    """
    if native.library and size >= WORTH_TABLES and (found := reading.inflate(stream, size)) is not None:
        return found
    decoder = isal_zlib.decompressobj()
    raw = decoder.decompress(stream, size + 1)
    if not decoder.eof:
        raise ValueError("the stream is longer than the picture, or ends too early")
    return raw


def chunks_of(content: bytes) -> dict[bytes, Buffer] | None:
    """Chunk name -> data, all IDAT joined; None unless the file is whole and plain.

    It is when its checksums are right, when no kind but IDAT comes twice, and when all IDAT follow each other. Takes
    time in proportion to the file, however many chunks it is cut into: encoders make them of 8 to 64 kB.
    """
    if not content.startswith(SIGNATURE):
        return None
    view = memoryview(content)
    found: dict[bytes, Buffer] = {}
    pixels: list[Buffer] = []  # joined at the end: an array that grows is copied again and again
    before = b""
    at = len(SIGNATURE)
    while at + 12 <= len(content):
        size = int.from_bytes(view[at : at + 4], "big")
        name, end = content[at + 4 : at + 8], at + 8 + size
        if int.from_bytes(view[end : end + 4], "big") != isal_zlib.crc32(view[at + 4 : end]):
            return None
        if name == b"IDAT":
            if b"IDAT" in found and before != b"IDAT":
                return None
            pixels.append(view[at + 8 : end])
            found[b"IDAT"] = pixels[0]  # most often the only one: it is not copied
        elif name in found:
            return None
        else:
            found[name] = view[at + 8 : end]
        if name == b"IEND":
            return found | ({b"IDAT": b"".join(pixels)} if len(pixels) > 1 else {})
        before, at = name, end + 4
    return None
