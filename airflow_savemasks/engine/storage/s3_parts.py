"""How a file is put together on S3: pieces to the parts of a multipart upload. Pure.

S3's rules: a part has 5 MiB to 5 GiB, only the last may be smaller; at most 10,000 parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from airflow_savemasks.engine.storage.base import Piece, Range
from airflow_savemasks.engine.storage.remote import size_of

LEAST = 5 << 20  # bytes of a part
MOST = 5 << 30  # bytes of a part
MOST_PARTS = 10_000
LARGEST = 5 << 40  # bytes of an object, as every server with this interface takes it


def split(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Parts in order, each as the pieces that it is made of.

    A part that is one Range of at least LEAST bytes is copied on the server; every other one is read, gathered and
    sent: small pieces, and as much from the beginning of the next range as fills them up to LEAST.
    """
    parts: list[list[Piece]] = []
    gathered: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Range) and piece.size:
            missing = LEAST - size_of(gathered) if gathered else 0
            if piece.size - missing >= LEAST:
                if gathered:
                    parts.append([*gathered, replace(piece, size=missing)])
                    gathered = []
                rest = replace(piece, offset=piece.offset + missing, size=piece.size - missing)
                parts += [[part] for part in _halves(rest)]
                continue
        if size_of([piece]):
            gathered.append(piece)
        if size_of(gathered) >= LEAST:
            parts.append(gathered)
            gathered = []
    return [*parts, gathered] if gathered else parts


def _halves(piece: Range) -> Iterator[Range]:
    """A range in pieces of about equal size, none above MOST: then none is below LEAST either."""
    count = -(-piece.size // MOST)
    for number in range(count):
        start, end = (piece.size * at // count for at in (number, number + 1))
        yield replace(piece, offset=piece.offset + start, size=end - start)
