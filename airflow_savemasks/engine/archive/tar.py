"""Deterministic tar members: no time, no user, mode 0644; PAX only for names that need it.

A part of an archive is a run of complete members without the end-of-archive blocks, so that archives are made by
concatenation: head (meta.json), parts, `END`.
"""

from __future__ import annotations

import tarfile

BLOCK = 512
END = bytes(2 * BLOCK)
LARGEST_PLAIN = 8**11  # a size field has 11 octal digits

_REST = b"0000644\x000000000\x000000000\x00"
_TAIL = b"ustar\x0000" + bytes(32 + 32 + 8 + 8 + 155 + 12)


def header(name: str, size: int) -> bytes:
    """The header blocks of a regular file; a multiple of 512 bytes."""
    if not name.isascii() or len(name) > 100 or size >= LARGEST_PLAIN:
        info = tarfile.TarInfo(name)
        info.size = size
        return info.tobuf(tarfile.PAX_FORMAT)
    # the fields of POSIX ustar: name, mode, uid, gid, size, mtime, checksum, type and link name, the constant rest
    fields = name.encode("ascii").ljust(100, b"\0") + _REST + b"%011o\x0000000000000\x00" % size
    rest = b"0" + bytes(100) + _TAIL
    checksum = sum(fields) + sum(rest) + 8 * 0x20
    return fields + b"%06o\x00 " % checksum + rest


def padding(size: int) -> bytes:
    """What fills a member of `size` bytes up to the next block."""
    return bytes(-size % BLOCK)


def whole_member(name: str, data: bytes) -> bytes:
    """Header, data and padding."""
    return header(name, len(data)) + data + padding(len(data))
