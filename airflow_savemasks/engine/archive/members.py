"""The files of one item as members of a tar, ready to be written. Pure; runs where the item is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isal import isal_zlib

from airflow_savemasks.engine.archive import tar

JOINED = 1 << 20  # bytes up to which an item is one piece: each piece costs a call when it is written and hashed


@dataclass(frozen=True, slots=True)
class Member:
    """offset: of the file's content in bytes from the item's first byte; crc32: of the content."""

    kind: str
    name: str
    offset: int
    size: int
    crc32: int


def pack(files: Iterable[tuple[str, str, Sequence[bytes]]]) -> tuple[list[bytes], list[Member]]:
    """(kind, name, content as pieces) of each file -> the bytes of the tar in pieces, and where files lie in them."""
    packed: list[bytes] = []
    members = []
    at = 0
    for kind, name, pieces in files:
        size = sum(map(len, pieces))
        header, padding = tar.header(name, size), tar.padding(size)
        crc = 0
        for piece in pieces:
            crc = isal_zlib.crc32(piece, crc)
        members.append(Member(kind, name, at + len(header), size, crc))
        packed += [header, *pieces, padding]
        at += len(header) + size + len(padding)
    return [b"".join(packed)] if at <= JOINED else packed, members
