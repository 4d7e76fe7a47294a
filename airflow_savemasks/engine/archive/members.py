"""The files of one item as members of a tar, ready to be written. Pure; runs where the item is rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import Member, Origin
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.storage.base import Buffer

JOINED = 1 << 20  # bytes up to which an item is one piece: each piece costs a call when it is written


@dataclass(slots=True)
class Rendered:
    """One item, rendered, or an error.

    item: its folder and name in the archive; pieces: its members as they stand in the archive, one after the other,
    `size` bytes in all; line: that of the index without its beginning (archive/index.py); unread: the error is one of
    reading it, which the next try may not meet; left_out: it is no item of the archive, as `pick` says; preview: of a
    bad item whose picture decodes a small JPEG.
    """

    item: str
    key: str
    source: Origin
    pieces: list[Buffer] = field(default_factory=list)
    size: int = 0
    line: bytes = b""
    error: ItemError | None = None
    unread: bool = False
    left_out: bool = False
    preview: bytes = b""


@dataclass(frozen=True, slots=True)
class RenderedGroup:
    """Items that were rendered together, in their order. written: to be called once nobody needs their bytes."""

    items: list[Rendered]
    written: Callable[[], None]


def pack(files: Iterable[tuple[str, str, Sequence[bytes]]]) -> tuple[list[Buffer], list[Member]]:
    """(kind, name, content as pieces) of each file -> the bytes of the tar in pieces, and where files lie in them."""
    packed: list[Buffer] = []
    members = []
    at = 0
    for kind, name, pieces in files:
        size = sum(map(len, pieces))
        header, padding = tar.header(name, size), tar.padding(size)
        running = sha256()
        for piece in pieces:
            running.update(piece)
        members.append(Member(kind, name, at + len(header), size, running.hexdigest()))
        packed += [header, *pieces, padding]
        at += len(header) + size + len(padding)
    return [b"".join(packed)] if at <= JOINED else packed, members
