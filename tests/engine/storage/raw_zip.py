"""Zips of raw fields, true or not, for tests: the zip of the standard library writes none that contradicts itself."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

LARGE = 0xFFFFFFFF  # what stands in a field of 32 bits where the value is in one of 64


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@dataclass
class Raw:
    """A member with fields of its directory as they shall be, true or not."""

    name: bytes = b"a"
    content: bytes = b"content"
    deflated: bool = True
    flags: int = 0
    method: int | None = None
    date: int = 0x21
    time: int = 0
    crc: int | None = None
    packed: int | None = None
    unpacked: int | None = None
    offset: int | None = None
    extra: bytes = b""
    local_name: bytes | None = None
    local_extra: bytes = b""
    comment: bytes = b""


def directory(members: list[Raw]) -> tuple[bytes, bytes]:
    """What stands before the directory, and the directory."""
    body, entries = b"", b""
    for raw in members:
        data = deflate(raw.content) if raw.deflated else raw.content
        method = (8 if raw.deflated else 0) if raw.method is None else raw.method
        crc = zlib.crc32(raw.content) if raw.crc is None else raw.crc
        packed = len(data) if raw.packed is None else raw.packed
        unpacked = len(raw.content) if raw.unpacked is None else raw.unpacked
        offset = len(body) if raw.offset is None else raw.offset
        known = raw.flags, method, raw.time, raw.date, crc, packed, unpacked
        lengths = len(raw.name), len(raw.extra), len(raw.comment)
        entries += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *known, *lengths, 0, 0, 0, offset)
        entries += raw.name + raw.extra + raw.comment
        local_name = raw.name if raw.local_name is None else raw.local_name
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *known, len(local_name), len(raw.local_extra))
        body += local_name + raw.local_extra + data
    return body, entries


def end(count: int, size: int, offset: int, comment: bytes = b"", said: int | None = None) -> bytes:
    length = len(comment) if said is None else said
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, offset, length) + comment


def packed(*members: Raw, comment: bytes = b"") -> bytes:
    body, entries = directory(list(members))
    return body + entries + end(len(members), len(entries), len(body), comment)


def packed_64(*members: Raw, mark: bytes = b"PK\6\6", locator: bytes = b"PK\6\7") -> bytes:
    """A zip whose directory is told of by fields of 64 bits."""
    body, entries = directory(list(members))
    place = len(body) + len(entries)
    count = len(members)
    large = struct.pack("<4sQ2H2L4Q", mark, 44, 45, 45, 0, 0, count, count, len(entries), len(body))
    return body + entries + large + struct.pack("<4sLQL", locator, 0, place, 1) + end(0xFFFF, LARGE, LARGE)


def extra(*values: int, kind: int = 1) -> bytes:
    return struct.pack("<HH", kind, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)
