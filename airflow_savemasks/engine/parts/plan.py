"""Items to parts: where an archive may be cut so that a small change of a project changes few parts.

A part ends after an item whose hash is the smallest among its neighbours (`window` to each side). The rule looks at
names only, and only nearby: an added item makes at most two parts new, a changed one makes one new. Cuts are at least
`window` + 1 items apart, and on average 2 * `window` + 1. Pure, but for the item file it reads and writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson

from airflow_savemasks.engine.project.source import Item

PART_BYTES = 32 << 20  # aimed at: well above the 5 MiB of S3, and 160 full-HD photographs make more than 8 parts
VOLUME_PARTS = 8  # a volume holds so many parts at least
LARGEST_PART = 4096  # items: so many lines of the index fit into a receipt that is read at once
MOST_PARTS = 4000  # aimed at for large projects: S3 composes of at most 10,000 pieces
GROWTH = 6  # bytes of masks for each byte of picture, roughly: measured 2 (small PNGs) to 10 (JPEG)
KEEP_WINDOW = 4  # an earlier window is kept while it is within this factor of the ideal
LARGEST = 16  # a part has at most this many windows, should hashes ever conspire


@dataclass(frozen=True, slots=True)
class Planned:
    """One item of a plan: which input it comes from, its folder and name in the archive, and the item."""

    input: int
    folder: str
    name: str
    item: Item

    def to_line(self) -> bytes:
        item = self.item
        row = [self.input, self.folder, self.name]
        row += [item.dataset, item.name, item.picture, item.annotation, item.picture_identity, item.annotation_identity]
        row += [item.size, item.annotation_size, item.problem]
        return orjson.dumps(row) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Planned:
        number, folder, name, *rest = orjson.loads(line)
        return cls(number, folder, name, Item(*rest))


@dataclass(frozen=True, slots=True)
class Part:
    """A run of items. digest: of everything its bytes depend on; start, size: its lines in the item file, in bytes."""

    digest: str
    items: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export is going to do.

    digest: of the whole plan, names its files; settings: that of the job, without items; window: see above;
    unannotated, orphans: how many pictures have no annotation, and annotations no picture.
    """

    dst: str
    digest: str
    settings: str
    window: int
    items: int
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]
    unannotated: int = 0
    orphans: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def choose_window(items: int, picture_bytes: int, earlier: int | None, volume_size: int | None = None) -> int:
    """Neighbours to each side for a project of so many items and bytes of pictures.

    earlier: the window of the archive that this one replaces. It stays while it fits roughly, so that a project that
    grows does not get all new parts. volume_size: parts are never divided, so they must be small beside it.
    """
    part_bytes = min(PART_BYTES, (volume_size or PART_BYTES * VOLUME_PARTS) // VOLUME_PARTS)
    by_bytes = part_bytes * items // max(1, picture_bytes * GROWTH)
    ideal = (max(1, min(by_bytes, LARGEST_PART), items // MOST_PARTS) - 1) // 2
    if volume_size is not None and earlier is not None and earlier > ideal:
        return ideal  # larger parts would not fit into the volumes
    if earlier is not None and ideal <= earlier * KEEP_WINDOW + 1 and earlier <= ideal * KEEP_WINDOW + 1:
        return earlier
    return ideal


def write_items(file: Path, items: Iterable[Planned], check: Callable[[], None] = lambda: None) -> tuple[int, int]:
    """Write the item file, a line each; returns how many items and how many bytes their pictures have.

    check: called for each item; may raise to stop.
    """
    number = picture_bytes = 0
    with file.open("wb") as out:
        for planned in items:
            check()
            out.write(planned.to_line())
            number += 1
            picture_bytes += planned.item.size
    return number, picture_bytes


def split_into_parts(file: Path, window: int, digest: str, check: Callable[[], None] = lambda: None) -> Iterator[Part]:
    """The parts of an item file, in order. Reads it once; holds 2 * window + 1 lines at most.

    check: called for each line; may raise to stop.
    """
    start = size = items = 0
    running = sha256(digest.encode())
    for line, ends in _with_ends(_lines(file, check), window):
        running.update(line)
        size += len(line)
        items += 1
        if ends or items >= LARGEST * (window + 1):
            yield Part(running.hexdigest()[:40], items, start, size)
            start, size, items, running = start + size, 0, 0, sha256(digest.encode())
    if items:
        yield Part(running.hexdigest()[:40], items, start, size)


def read_items(lines: bytes) -> Iterator[Planned]:
    """The items of a part from its lines."""
    return map(Planned.from_line, lines.splitlines())


def _lines(file: Path, check: Callable[[], None]) -> Iterator[bytes]:
    with file.open("rb") as lines:
        for line in lines:
            check()
            yield line


def _with_ends(lines: Iterator[bytes], window: int) -> Iterator[tuple[bytes, bool]]:
    """Each line with whether a part ends after it: its rank is the smallest of its window on both sides."""
    held: deque[tuple[int, bytes, bytes]] = deque()  # number, line, rank of the lines not given out yet
    lowest: deque[tuple[int, bytes]] = deque()  # candidates for the smallest rank, rising
    coming = enumerate(lines)
    for at in count():
        for number, line in islice(coming, window + 1 if at == 0 else 1):
            rank = _rank(line)
            held.append((number, line, rank))
            while lowest and lowest[-1][1] > rank:
                lowest.pop()
            lowest.append((number, rank))
        if not held:
            return
        if lowest[0][0] < at - window:
            lowest.popleft()
        _, line, rank = held.popleft()
        yield line, lowest[0][1] == rank


def _rank(line: bytes) -> bytes:
    """A hash of an item's place in the archive, not of its content: a changed picture moves no border."""
    row = orjson.loads(line)
    return blake2b(f"{row[1]}/{row[2]}".encode(), digest_size=16).digest()
