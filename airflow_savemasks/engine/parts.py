"""Finished parts in Team Files: `.parts/<archive>/<digest>.tar`, or a place in a strip (strip.py), and a receipt.

A receipt is written last. It is a line with the summary and the place, then the lines of the index, one an item. Keys
hold no run id and no try number: whoever needs a part of this digest finds it, and one rendered twice is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import quote

import orjson

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.item import Rendered
from airflow_savemasks.engine.progress import log
from airflow_savemasks.engine.storage import WORK_FOLDER, Entry, Range, Storage

COMPLETE, WITH_SKIPPED = ".receipt", ".skipped.receipt"
UNREADABLE = (orjson.JSONDecodeError, KeyError, TypeError, StorageError)


@dataclass(slots=True)
class Summary:
    """What is known of a finished part. pixels, labelled: class name -> visible pixels, items that show it.

    files: members of the tar; skipped: (item, reason) left out by on_bad_item="skip".
    """

    digest: str
    size: int = 0
    sha256: str = ""
    items: int = 0
    files: int = 0
    labels: int = 0
    pixels: dict[str, int] = field(default_factory=dict)
    labelled: dict[str, int] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Summary:
        return cls(**{**raw, "skipped": [(item, reason) for item, reason in raw["skipped"]]})


def folder_of(archive: str) -> str:
    """Where the parts of an archive lie; the name of an archive may have slashes, the folder has none."""
    return f"{WORK_FOLDER}/{quote(archive, safe=' ')}"


def part_path(archive: str, digest: str) -> str:
    return f"{folder_of(archive)}/{digest}.tar"


class PartWriter:
    """Writes rendered items as tar members and takes notes for the receipt."""

    def __init__(self, out: BinaryIO, digest: str) -> None:
        self._out = out
        self._hash = sha256()
        self.summary = Summary(digest)
        self.lines: list[bytes] = []

    def add(self, rendered: Rendered) -> None:
        """One item: its members one after the other, and a line of the index."""
        planned, summary = rendered.planned, self.summary
        members = [
            {
                "kind": member.kind,
                "name": member.name,
                "offset": summary.size + member.offset,
                "size": member.size,
                "crc32": member.crc32,
            }
            for member in rendered.members
        ]
        for piece in rendered.pieces:
            self._out.write(piece)
            self._hash.update(piece)
            summary.size += len(piece)
        self.lines.append(
            orjson.dumps(
                {
                    "item": f"{planned.folder}/{planned.name}",
                    "part": summary.digest,
                    "height": rendered.height,
                    "width": rendered.width,
                    "labels": rendered.labels,
                    "members": members,
                    "pixels": rendered.pixels,
                }
            )
            + b"\n"
        )
        summary.items += 1
        summary.files += len(members)
        summary.labels += rendered.labels
        for name, pixels in rendered.pixels.items():
            summary.pixels[name] = summary.pixels.get(name, 0) + pixels
            summary.labelled[name] = summary.labelled.get(name, 0) + 1

    def skip(self, rendered: Rendered) -> None:
        """Note a bad item that is left out."""
        planned, error = rendered.planned, rendered.error
        self.summary.skipped.append(
            (f"{planned.folder}/{planned.name}", f"{error.where}: {error.problem}" if error else "")
        )

    def close(self) -> None:
        self.summary.sha256 = self._hash.hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says: the part's summary, where its bytes lie, its lines of the index."""

    summary: Summary
    place: Range
    lines: bytes


def write_receipt(team_files: Storage, archive: str, writer: PartWriter, place: Range) -> None:
    """The last step of a part: from here on it is found and used. place: where its bytes lie."""
    summary = writer.summary
    ending = WITH_SKIPPED if summary.skipped else COMPLETE
    first = summary.to_json() | {"file": place.path.rpartition("/")[2], "offset": place.offset}
    with team_files.writing(f"{folder_of(archive)}/{summary.digest}.{team_files.epoch}{ending}") as out:
        out.write(orjson.dumps(first) + b"\n")
        out.writelines(writer.lines)


def read_receipt(team_files: Storage, path: str) -> Receipt:
    """A receipt by its path."""
    first, _, lines = team_files.read(path).partition(b"\n")
    raw = orjson.loads(first)
    file, offset = raw.pop("file"), raw.pop("offset")
    summary = Summary.from_json(raw)
    return Receipt(summary, Range(f"{path.rpartition('/')[0]}/{file}", offset, summary.size), lines)


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


def find_receipts(team_files: Storage, archive: str, *, with_skipped: bool) -> dict[str, str]:
    """Digest -> path of the receipt, for the finished parts of an archive.

    with_skipped: also parts that left out bad items, which only an export that may skip can use. A part that was
    written before the machine's last start, or on another machine, counts only if its SHA-256 is right.
    """
    folder = folder_of(archive)
    files = team_files.listdir(folder).files
    now = team_files.epoch
    found = {}
    for name in files:
        digest, _, rest = name.partition(".")
        epoch, dot, ending = rest.partition(".")
        wanted = (COMPLETE, WITH_SKIPPED) if with_skipped else (COMPLETE,)
        if dot + ending not in wanted or digest in found:
            continue
        path = f"{folder}/{name}"
        in_file = f"{digest}.tar" in files
        if (in_file and epoch == now) or _is_there(team_files, path, files, whole=epoch != now):
            found[digest] = path
    return found


def _is_there(team_files: Storage, path: str, files: Mapping[str, Entry], *, whole: bool) -> bool:
    """Whether a part lies where its receipt says. whole: it is that byte for byte, by its SHA-256."""
    try:
        receipt = read_receipt(team_files, path)
        place = receipt.place
        entry = files.get(place.path.rpartition("/")[2])
        if entry is None or entry.size < place.offset + place.size:
            return False
        if not whole:
            return True
        running = sha256()
        for chunk in team_files.stream(place.path, place.offset, place.size):
            running.update(chunk)
    except UNREADABLE:
        log.warning("%s: lost with the machine's last start; rendered again", team_files.locate(path))
        return False
    return running.hexdigest() == receipt.summary.sha256
