"""Finished parts in Team Files: a file of their own, or a place in a growing archive (growing.py), and a receipt.

A part is a run of items that one worker rendered. Its receipt is written last: a first line that says which items it
has, then the lines of the index, where the part's file is volume 0, and a line for each item that was left out. What
is in a part is told by the keys of its items.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.index import Count, Origin, Place, parse_line
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.proof import Chunks, differences
from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.left_out import LEFT_OUT
from airflow_savemasks.engine.parts.work_names import folder_of, new_name
from airflow_savemasks.engine.storage.base import Entry, Storage

RECEIPT = ".receipt"
UNREADABLE = (orjson.JSONDecodeError, ValidationError, ValueError, StorageError)
HEAD_BYTES = 1 << 18  # read of a receipt at first: often all of it
HELD_BYTES = 32 << 20  # most bytes of receipts that are held, so that they are not read twice
READERS = 10  # receipts looked at at once
SKIPPED = b'{"skipped":'  # how the line of an item begins that was left out


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a receipt.

    file: in the same folder, whatever a receipt may say; end: of the part in it; plan: the name of the one for which it
    was rendered; lead: SHA-256 of what stands in the file before the first item where that is an archive's head, or "";
    skipped, left_out: how many lines are of bad items, and of pictures that `pick` leaves out.
    """

    file: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.(tar|growing)$")]
    end: Count
    items: Count
    skipped: Count
    first: Origin
    last: Origin
    plan: str = ""
    lead: str = ""
    left_out: Count = 0


HEAD = TypeAdapter(Head)
SKIPPED_LINE = TypeAdapter(Skipped)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that can be used.

    path, size: of itself; file: path of the part's file; lines: where they begin; content: all of it, if it is held.
    """

    path: str
    size: int
    file: str
    lines: int
    head: Head
    content: bytes | None = None

    @property
    def first(self) -> Place:
        return self.head.first.place


def skipped_line(skipped: Skipped) -> bytes:
    """The line of a receipt for an item that was left out."""
    return b'{"skipped":%s}\n' % orjson.dumps(skipped)


def parse_skipped(line: bytes) -> Skipped:
    """Raises ValueError."""
    return SKIPPED_LINE.validate_python(orjson.loads(line)["skipped"])


def write_receipt(team_files: Storage, archive: str, head: Head, lines: Collection[bytes]) -> Receipt:
    """The last step of a part: from here on its items are found and used."""
    folder = folder_of(archive)
    path = _new_path(team_files, archive, head)
    first = orjson.dumps(head) + b"\n"
    content = b"".join((first, *lines))
    with team_files.writing(path) as out:
        out.write(content)
    return Receipt(path, len(content), f"{folder}/{head.file}", len(first), head, content)


def write_long_receipt(team_files: Storage, archive: str, head: Head, lines: Iterable[bytes]) -> None:
    """As `write_receipt`, of more lines than memory has room for."""
    with team_files.writing(_new_path(team_files, archive, head)) as out:
        out.write(orjson.dumps(head) + b"\n")
        for line in lines:
            out.write(line)


def _new_path(team_files: Storage, archive: str, head: Head) -> str:
    return f"{folder_of(archive)}/{new_name(head.file)}.{team_files.boot_id}{RECEIPT}"


def read_receipt(team_files: Storage, path: str, entry: Entry) -> Receipt:
    """A receipt by its path. Raises one of UNREADABLE where it is damaged or gone."""
    start = b"".join(team_files.stream(path, 0, min(entry.size, HEAD_BYTES)))
    if b"\n" not in start:
        start = team_files.read(path)
    line, newline, _ = start.partition(b"\n")
    if not newline:
        raise ValueError("its first line is not whole")
    head = HEAD.validate_json(line)
    content = start if len(start) == entry.size else None
    return Receipt(path, entry.size, f"{path.rpartition('/')[0]}/{head.file}", len(line) + 1, head, content)


def lines_of(team_files: Storage, receipt: Receipt) -> Iterator[bytes]:
    """Its lines, of items (archive/index.py) and of what is none (SKIPPED, LEFT_OUT), in the order of the archive."""
    if receipt.content is not None:
        return iter(receipt.content[receipt.lines :].splitlines(keepends=True))
    return read_lines(team_files, receipt.path, receipt.size - receipt.lines, offset=receipt.lines)


def find_receipts(
    team_files: Storage,
    archive: str,
    files: Mapping[str, Entry],
    written: Collection[Receipt] = (),
    *,
    only_look: bool = False,
) -> list[Receipt]:
    """The receipts of an archive's finished parts, by their first item.

    files: of its work folder, by name; written: receipts of this very process, which are not read again.

    A part that was written before the machine's last start, or on another machine, counts only if its bytes are right;
    then it gets a receipt of this machine, so that it is not looked at again. only_look: it gets none.
    """
    folder = folder_of(archive)
    known = {receipt.path: receipt for receipt in written}

    def look(name: str) -> Receipt | None:
        path = f"{folder}/{name}"
        try:
            receipt = known.get(path) or read_receipt(team_files, path, files[name])
            if not _is_there(receipt, files):
                return None
            if name.split(".")[1] != team_files.boot_id:
                _check(team_files, receipt)
                return receipt if only_look else _renew(team_files, archive, receipt)
        except UNREADABLE as error:
            fact = "lost with the machine's last start; rendered again"
            log.warning("%s: %s (%s)", team_files.locate(path), fact, error)
            return None
        return receipt

    names = [name for name in files if name.endswith(RECEIPT)]
    if not names:
        return []
    with ThreadPoolExecutor(READERS, thread_name_prefix="savemasks-receipts") as pool:
        found = []
        held = 0
        for receipt in pool.map(look, names):
            if receipt is not None:
                held += len(receipt.content or b"")
                found.append(receipt if held <= HELD_BYTES else replace(receipt, content=None))
    return sorted(found, key=lambda receipt: (receipt.first, receipt.path))


def _is_there(receipt: Receipt, files: Mapping[str, Entry]) -> bool:
    """Whether a part's file is as long as its receipt says, at least: a growing archive goes on behind it."""
    entry = files.get(receipt.head.file)
    return entry is not None and entry.size >= receipt.head.end


def _check(team_files: Storage, receipt: Receipt) -> None:
    """Raises ValueError where a byte of a part is not right."""
    for line in lines_of(team_files, receipt):
        if line.startswith((SKIPPED, LEFT_OUT)):
            continue
        item = parse_line(line)
        if found := differences(item, Chunks(team_files.stream(receipt.file, item.offset, item.size))):
            raise ValueError(found[0])


def _renew(team_files: Storage, archive: str, receipt: Receipt) -> Receipt:
    """A receipt of this machine in place of one of another."""
    ours = write_receipt(team_files, archive, receipt.head, list(lines_of(team_files, receipt)))
    team_files.delete([receipt.path])
    return ours
