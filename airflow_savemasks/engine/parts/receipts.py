"""Finished parts in Team Files: a file of their own, or a place in a growing archive (growing.py), and a receipt.

A receipt is written last. It is a line with the summary and the place, then the lines of the index, one an item. Keys
hold no run id and no try number: whoever needs a part of this digest finds it, and one rendered twice is the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from airflow_savemasks.engine.archive.summary import Count, Summary
from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Entry, Range, Storage

# how a receipt's name ends: nothing left out; bad items left out; items left out that could not be read, which the next
# try may be able to
COMPLETE, WITH_SKIPPED, WITH_UNREAD = ".receipt", ".skipped.receipt", ".unread.receipt"
UNREADABLE = (orjson.JSONDecodeError, ValidationError, StorageError)
READABLE_NAME = 40  # characters of an archive's name in that of its work folder


@dataclass(frozen=True, slots=True)
class _FirstLine:
    """The first line of a receipt. file: in the same folder, whatever a receipt may say."""

    summary: Summary
    file: Annotated[str, Field(pattern=r"^[0-9a-f]{32,40}\.(tar|growing)$")]
    offset: Count


FIRST_LINE = TypeAdapter(_FirstLine)


def folder_of(archive: str) -> str:
    """Where the parts of an archive lie: a name of bounded length, whatever the archive is called, with no slash."""
    words = re.sub(r"[^A-Za-z0-9._ -]+", "_", archive)[:READABLE_NAME]
    return f"{WORK_FOLDER}/{words}-{sha256(archive.encode()).hexdigest()[:16]}"


def part_path(archive: str, digest: str) -> str:
    return f"{folder_of(archive)}/{digest}.tar"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says: the part's summary, where its bytes lie, its lines of the index."""

    summary: Summary
    place: Range
    lines: bytes


def write_receipt(team_files: Storage, archive: str, summary: Summary, lines: Collection[bytes], place: Range) -> None:
    """The last step of a part: from here on it is found and used. lines: of the index; place: where its bytes lie."""
    ending = WITH_UNREAD if summary.unread else WITH_SKIPPED if summary.skipped else COMPLETE
    first = {"summary": summary.to_json(), "file": place.path.rpartition("/")[2], "offset": place.offset}
    with team_files.writing(f"{folder_of(archive)}/{summary.digest}.{team_files.boot_id}{ending}") as out:
        out.write(orjson.dumps(first) + b"\n")
        out.writelines(lines)


def read_receipt(team_files: Storage, path: str) -> Receipt:
    """A receipt by its path. Raises one of UNREADABLE where it is damaged or gone."""
    first, _, lines = team_files.read(path).partition(b"\n")
    raw = FIRST_LINE.validate_python(orjson.loads(first))
    place = Range(f"{path.rpartition('/')[0]}/{raw.file}", raw.offset, raw.summary.size)
    return Receipt(raw.summary, place, lines)


def places(team_files: Storage, archive: str) -> dict[str, Range]:
    """Path of a receipt -> where its part lies, for all receipts of an archive that can be read."""
    folder = folder_of(archive)
    found = {}
    for name in team_files.listdir(folder).files:
        if name.endswith(COMPLETE):
            try:
                found[f"{folder}/{name}"] = read_receipt(team_files, f"{folder}/{name}").place
            except UNREADABLE as error:  # lost with the machine's power; `find_receipts` has told of it
                log.debug("%s/%s: %s", folder, name, error)
    return found


def find_receipts(team_files: Storage, archive: str, endings: Collection[str]) -> dict[str, str]:
    """Digest -> path of the receipt, for the finished parts of an archive whose receipts end so.

    A part that was written before the machine's last start, or on another machine, counts only if its SHA-256 is
    right; then it gets a receipt of this machine, so that it is not looked at again.
    """
    folder = folder_of(archive)
    files = team_files.listdir(folder).files
    now = team_files.boot_id
    found: dict[str, str] = {}
    for name in sorted(files, key=lambda name: f".{now}." not in name):
        digest, _, rest = name.partition(".")
        boot_id, dot, ending = rest.partition(".")
        if dot + ending not in endings or digest in found:
            continue
        path = f"{folder}/{name}"
        if boot_id == now:
            if f"{digest}.tar" in files or _read_if_there(team_files, path, files, whole=False):
                found[digest] = path
        elif receipt := _read_if_there(team_files, path, files, whole=True):
            write_receipt(team_files, archive, receipt.summary, [receipt.lines], receipt.place)
            found[digest] = f"{folder}/{digest}.{now}{dot}{ending}"
    return found


def _read_if_there(team_files: Storage, path: str, files: Mapping[str, Entry], *, whole: bool) -> Receipt | None:
    """A receipt whose part lies where it says. whole: it is that byte for byte, by its SHA-256."""
    try:
        receipt = read_receipt(team_files, path)
        place = receipt.place
        entry = files.get(place.path.rpartition("/")[2])
        if entry is None or entry.size < place.offset + place.size:
            return None
        if not whole:
            return receipt
        running = sha256()
        for chunk in team_files.stream(place.path, place.offset, place.size):
            running.update(chunk)
    except UNREADABLE as error:
        log.warning("%s: lost with the machine's last start; rendered again (%s)", team_files.locate(path), error)
        return None
    return receipt if running.hexdigest() == receipt.summary.sha256 else None
