"""How a file is put together on S3: pieces to the parts of a multipart upload. Pure.

S3's rules: a part has 5 MiB to 5 GiB, only the last may be smaller; at most 10,000 parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from airflow_savemasks.engine.storage.base import Piece, Range
from airflow_savemasks.engine.storage.remote import size_of

LEAST = 5 << 20  # bytes of a part
MOST = 5 << 30  # bytes of a part
MOST_PARTS = 10_000
GATHERED = (LEAST, 16 << 20, 64 << 20, 128 << 20)  # bytes of a part that is sent; more where there would be too many
EQUAL = 16 << 20  # bytes of a part where all have to be equal; more where there would be too many
WANT_EQUAL = (".r2.cloudflarestorage.com",)  # ends of hosts
LARGEST = 5 << 40  # bytes of an object, as every server with this interface takes it


def parts_for(pieces: Sequence[Piece], endpoint: str) -> list[list[Piece]]:
    """Parts as the server at an endpoint takes them; more than MOST_PARTS where there is no way with less."""
    host = urlsplit(endpoint).hostname or ""
    if host.endswith(WANT_EQUAL):
        return equal(pieces, max(EQUAL, -(-size_of(pieces) // MOST_PARTS)))
    for least in GATHERED:
        parts = split(pieces, least)
        if len(parts) <= MOST_PARTS:
            break
    return parts


def equal(pieces: Sequence[Piece], size: int) -> list[list[Piece]]:
    """Parts of `size` bytes in order, but for the last one, each as the pieces that it is made of.

    >>> equal([b"abcd", b"e", b"fgh"], 3)
    [[b'abc'], [b'd', b'e', b'f'], [b'gh']]
    """
    parts: list[list[Piece]] = []
    room = 0
    for piece in pieces:
        at, whole = 0, size_of([piece])
        while at < whole:
            if not room:
                parts.append([])
                room = size
            taken = min(room, whole - at)
            parts[-1].append(_cut(piece, at, taken))
            at, room = at + taken, room - taken
    return parts


def split(pieces: Sequence[Piece], least: int = LEAST) -> list[list[Piece]]:
    """Parts in order, each as the pieces that it is made of. least: bytes of those that are sent.

    A part that is one Range of at least LEAST bytes is copied on the server; every other one is read, gathered and
    sent: small pieces, and as much from the beginning of the next range as fills them up to LEAST.
    """
    parts: list[list[Piece]] = []
    gathered: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Range) and piece.size:
            missing = max(0, LEAST - size_of(gathered)) if gathered else 0
            if piece.size - missing >= LEAST:
                if gathered:
                    parts.append([*gathered, replace(piece, size=missing)] if missing else gathered)
                    gathered = []
                rest = replace(piece, offset=piece.offset + missing, size=piece.size - missing)
                parts += [[part] for part in _halves(rest)]
                continue
        if size_of([piece]):
            gathered.append(piece)
        if size_of(gathered) >= least:
            parts.append(gathered)
            gathered = []
    return [*parts, gathered] if gathered else parts


def _cut(piece: Piece, at: int, size: int) -> Piece:
    return piece[at : at + size] if isinstance(piece, bytes) else replace(piece, offset=piece.offset + at, size=size)


def _halves(piece: Range) -> Iterator[Range]:
    """A range in pieces of about equal size, none above MOST: then none is below LEAST either."""
    count = -(-piece.size // MOST)
    for number in range(count):
        start, end = (piece.size * at // count for at in (number, number + 1))
        yield replace(piece, offset=piece.offset + start, size=end - start)
