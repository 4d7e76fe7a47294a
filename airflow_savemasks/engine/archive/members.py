"""The files of one item as members of a tar, ready to be written. Pure; runs where the item is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from isal import isal_zlib

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.errors import ItemError

JOINED = 1 << 20  # bytes up to which an item is one piece: each piece costs a call when it is written and hashed


@dataclass(frozen=True, slots=True)
class Member:
    """offset: of the file's content in bytes from the item's first byte; crc32: of the content."""

    kind: str
    name: str
    offset: int
    size: int
    crc32: int


@dataclass(slots=True)
class Rendered:
    """One item, rendered, or an error.

    item: its folder and name in the archive; pieces: its members as they stand in the archive, one after the other;
    height, width: in pixels; undrawn: shape -> labels of it that have a color and are not drawn, as nobody here knows
    the shape; unread: the error is one of reading it, which the next try may not meet.
    """

    item: str
    pieces: list[bytes] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    height: int = 0
    width: int = 0
    labels: int = 0
    pixels: dict[str, int] = field(default_factory=dict)
    undrawn: dict[str, int] = field(default_factory=dict)
    error: ItemError | None = None
    unread: bool = False


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
