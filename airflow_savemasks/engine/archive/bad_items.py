"""The bad items of an export: the first in memory for the error's text, all of them in a file beside the archive.

`<dst>.bad_items.jsonl` has a line for each: item, place, fact, fix; the first ones a preview, too. Batches of a group
write theirs to the work folder first, and the file is made of all that lie there, in the order of the plan.
"""

from __future__ import annotations

import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from os import SEEK_END
from typing import IO

import orjson

from airflow_savemasks.engine.archive.index import Key, Origin
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.naming import BAD_ITEMS, bad_items_path
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.storage.base import WritableStorage

KEPT = 1000  # errors in memory
IN_MEMORY = 1 << 20  # bytes of lines, then they go to a file
PREVIEWS = 50  # bad items with a preview, the first ones
NUMBER = 8  # digits of a batch's place in the plan


@dataclass(frozen=True, slots=True)
class BadItem:
    """item: its folder and name in the archive; place, fact, fix: of its error; preview: a JPEG in base64, or ""."""

    item: str
    place: str
    fact: str
    fix: str
    preview: str = ""

    @classmethod
    def of(cls, item: str, error: ItemError, preview: bytes = b"") -> BadItem:
        return cls(item, error.where, error.problem, error.fix, b64encode(preview).decode())

    def to_error(self) -> ItemError:
        return ItemError(self.place, self.fact, self.fix)

    def to_line(self) -> bytes:
        told = {"item": self.item, "place": self.place, "fact": self.fact, "fix": self.fix}
        return orjson.dumps(told | ({"preview": self.preview} if self.preview else {})) + b"\n"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A bad item that was left out. unread: it could not be read, which the next try may be able to."""

    key: Key
    source: Origin
    bad: BadItem
    unread: bool = False


class BadItems:
    """Collects them, in bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[ItemError] = []
        self._lines: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when forgotten

    def add(self, bad: BadItem) -> None:
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(bad.to_error())
        self._lines.write(bad.to_line())

    def lines(self) -> Iterator[bytes]:
        """A line of JSON for each, in the order in which they came."""
        self._lines.seek(0)
        try:
            for line in self._lines:  # noqa: UP028 - a generator that is closed early closes what it yields from
                yield line
        finally:
            self._lines.seek(0, SEEK_END)

    def read(self, most: int) -> list[dict[str, str]]:
        """The first ones, as their lines have them."""
        return [orjson.loads(line) for line in islice(self.lines(), most)]

    def write(self, team_files: WritableStorage, path: str) -> str:
        """Write the file; returns where it lies."""
        with team_files.writing(path) as out:
            for line in self.lines():
                out.write(line)
        return team_files.locate(path)


def write_batch(team_files: WritableStorage, folder: str, dst: str, plan: str, first: int, bad: BadItems) -> str | None:
    """Keep the bad items of one batch of a group, and make the file of all batches of this plan anew.

    folder: the work folder; plan: its digest; first: where the batch begins in the plan. Returns where the file lies,
    None where no batch has a bad item.
    """
    own = f"{folder}/{plan}.{first:0{NUMBER}d}{BAD_ITEMS}"
    if bad.count:
        bad.write(team_files, own)
    elif team_files.stat(own) is not None:
        team_files.delete([own])
    return gather(team_files, folder, dst, plan)


def gather(team_files: WritableStorage, folder: str, dst: str, plan: str) -> str | None:
    """Make the file of all batches of a plan anew. Returns where it lies, None where no batch has a bad item."""
    names = sorted(
        name for name in team_files.listdir(folder).files if name.startswith(plan) and name.endswith(BAD_ITEMS)
    )
    if not names:
        return None
    with team_files.writing(bad_items_path(dst)) as out:
        for name in names:
            out.write(team_files.read(f"{folder}/{name}"))
    return team_files.locate(bad_items_path(dst))


def first_of(team_files: WritableStorage, dst: str) -> list[ItemError]:
    """The first bad items of the file beside where an archive would be."""
    size = entry.size if (entry := team_files.stat(bad_items_path(dst))) is not None else 0
    lines = islice(read_lines(team_files, bad_items_path(dst), size), KEPT)
    return [BadItem(**orjson.loads(line)).to_error() for line in lines]


def write_skipped(team_files: WritableStorage, dst: str, skipped: Iterable[BadItem]) -> None:
    """The file beside a published archive: what was left out; none where nothing was."""
    bad = BadItems()
    for item in skipped:
        bad.add(item)
    keep_bad_items(team_files, bad_items_path(dst), bad)


def keep_bad_items(team_files: WritableStorage, path: str, bad: BadItems) -> str | None:
    """Write their file, or remove one that is there where there are none. Returns where it lies, None for none."""
    if bad.count:
        return bad.write(team_files, path)
    if team_files.stat(path) is not None:
        team_files.delete([path])
    return None
