"""What a PNG file is made of: signature, header, chunks, one zlib stream. For writing and for reading."""

from __future__ import annotations

import struct

from isal import isal_zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">IIBBBBB")  # width, height, depth, colour type, compression, filter method, interlace
MOST_PIXELS = 1 << 28  # of a picture that is read without OpenCV
SMALL = 1 << 17  # bytes of a stream that is decompressed in one go: a thousand times as many at worst


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk as it stands in the file: size, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind)))


def inflate(stream: bytes, size: int) -> bytes:
    """A zlib stream of `size` bytes; a large one that holds more is not decompressed. Raises IsalError, ValueError."""
    if len(stream) <= SMALL:
        return isal_zlib.decompress(stream, bufsize=size)
    decoder = isal_zlib.decompressobj()
    raw = decoder.decompress(stream, size + 1)
    if not decoder.eof:
        raise ValueError("the stream is longer than the picture, or ends too early")
    return raw


def chunks_of(content: bytes) -> dict[bytes, bytes] | None:
    """Chunk name -> data, several IDAT joined; None unless the file is whole and its checksums are right."""
    if not content.startswith(SIGNATURE):
        return None
    found: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        name, end = content[at + 4 : at + 8], at + 8 + size
        if int.from_bytes(content[end : end + 4], "big") != isal_zlib.crc32(content[at + 4 : end]):
            return None
        found[name] = found.get(name, b"") + content[at + 8 : end]
        if name == b"IEND":
            return found
        at = end + 4
    return None
