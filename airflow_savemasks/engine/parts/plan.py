"""What an export is going to do: its items with their keys, and which of them have to be rendered.

An item's key is a digest of all that its bytes depend on. Whatever has this key and is finished, in an earlier archive
or in a part that an earlier try left, is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson

from airflow_savemasks.engine.archive.index import Origin
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.storage.base import ReadableStorage

PART_BYTES = 8 << 20  # aimed at: above the 5 MiB of S3, and with one item more still a single request
PART_ITEMS = 512  # most: so many lines of the index are written at once, and so many tiny pictures lost with a worker
MOST_PARTS = 4000  # aimed at for large projects: each part is a file and a receipt
GROWTH = 6  # bytes of masks for each byte of picture, roughly: measured 2 (small PNGs) to 10 (JPEG)


@dataclass(frozen=True, slots=True)
class Planned:
    """One item of a plan: which input it comes from, its folder and name in the archive, its key, and the item."""

    input: int
    folder: str
    name: str
    item: Item
    key: str = ""

    @property
    def origin(self) -> Origin:
        return Origin(self.input, self.item.dataset, self.item.name)

    def to_line(self) -> bytes:
        return orjson.dumps([*_row(self.input, self.folder, self.name, self.item), self.key]) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Planned:
        number, folder, name, *rest, key = orjson.loads(line)
        return cls(number, folder, name, Item(*rest), key)


def planned(number: int, folder: str, name: str, item: Item, settings: str) -> Planned:
    """An item with its key. settings: digest of the job; the rest is its place, and the identity of its two files."""
    running = sha256(settings.encode())
    running.update(orjson.dumps(_row(number, folder, name, item)))
    return Planned(number, folder, name, item, running.hexdigest()[:40])


def _row(number: int, folder: str, name: str, item: Item) -> list[Any]:
    row = [number, folder, name]
    row += [item.dataset, item.name, item.picture, item.annotation, item.picture_identity, item.annotation_identity]
    row += [item.size, item.annotation_size, item.problem]
    return row


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export is going to do.

    name: of the plan's files; digest: of all items, what makes two archives equal; settings: that of the job, without
    items; items, todo: how many there are, and how many have to be rendered; picture_bytes: of the latter; found_in:
    files of the work folder in which items are finished; unannotated, orphans: how many pictures have no annotation,
    and annotations no picture; left_out: pictures that `pick` leaves out as they are listed; indices: kinds of the
    files that keep the indices of packed sources.
    """

    dst: str
    name: str
    digest: str
    settings: str
    items: int
    todo: int
    picture_bytes: int
    items_size: int
    todo_size: int
    found_in: tuple[str, ...]
    warnings: tuple[str, ...]
    unannotated: int = 0
    orphans: int = 0
    left_out: int = 0
    indices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def part_items(self) -> int:
        """Most items of one part."""
        return max(PART_ITEMS, -(-self.todo // MOST_PARTS))

    @property
    def part_bytes(self) -> int:
        """Bytes after which a part ends."""
        return max(PART_BYTES, self.picture_bytes * GROWTH // MOST_PARTS)


class PlanFiles:
    """The items of a plan, kept in a storage: of this process alone, or where all tasks of a group find them."""

    def __init__(self, storage: ReadableStorage, folder: str, plan: Plan) -> None:
        self.storage = storage
        self._folder = folder
        self.plan = plan

    def paths(self) -> list[str]:
        """The files of the plan, whether they are there or not."""
        kinds = ("items.jsonl", "todo.jsonl", "plan.json", *self.plan.indices)
        return [self._path(kind) for kind in kinds]

    def items(self) -> Iterator[Planned]:
        """All items in the order of the archive."""
        return map(Planned.from_line, read_lines(self.storage, self._path("items.jsonl"), self.plan.items_size))

    def todo(self, start: int = 0, size: int | None = None) -> Iterator[Planned]:
        """The items that have to be rendered; start, size: bytes of their file, for a batch of them."""
        size = self.plan.todo_size if size is None else size
        return map(Planned.from_line, read_lines(self.storage, self._path("todo.jsonl"), size, offset=start))

    def _path(self, kind: str) -> str:
        return plan_path(self._folder, self.plan.name, kind)


def index_kind(uri: str) -> str:
    """What the file with the index of a packed source is called, behind the plan's name."""
    return f"{sha256(uri.encode()).hexdigest()[:16]}.index"


def plan_path(folder: str, name: str, kind: str) -> str:
    return f"{folder}/{name}.{kind}"
