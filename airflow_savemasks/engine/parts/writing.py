"""Rendered items to a finished part: the members of a tar one after the other, and a receipt."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import BinaryIO

import orjson

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.archive.summary import Summary
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.growing import GrowingArchive
from airflow_savemasks.engine.parts.plan import Part, Plan
from airflow_savemasks.engine.parts.receipts import part_path, write_receipt
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.base import Range, Storage


class _Abandoned(Exception):
    """A part with bad items leaves nothing behind."""


def write_part(
    team_files: Storage,
    plan: Plan,
    part: Part,
    items: Iterable[Rendered],
    bad: BadItems,
    progress: Progress,
    growing: GrowingArchive | None,
    *,
    skip_bad: bool,
) -> bool:
    """Write one part and its receipt; False if bad items keep it from being finished.

    growing: where the part goes, None for a file of its own; bad: gets the bad items; skip_bad: they are left out.
    """
    known_bad = bad.count
    path = growing.path if growing else part_path(plan.dst, part.digest)
    offset = growing.end if growing else 0
    try:
        with growing.part() if growing else team_files.writing(path) as out:
            writer = PartWriter(out, part.digest)
            for rendered in items:
                if rendered.error is None:
                    writer.add(rendered)
                else:
                    log.error(str(rendered.error))
                    writer.skip(rendered)
                    bad.add(writer.summary.skipped[-1])
                progress.add(sum(map(len, rendered.pieces)))
            if bad.count > known_bad and not skip_bad:
                raise _Abandoned
            writer.close()
    except _Abandoned:
        return False
    place = Range(path, offset, writer.summary.size)
    write_receipt(team_files, plan.dst, writer.summary, writer.lines, place)
    return True


class PartWriter:
    """Writes rendered items as tar members and takes notes for the receipt."""

    def __init__(self, out: BinaryIO, digest: str) -> None:
        self._out = out
        self._hash = sha256()
        self.summary = Summary(digest)
        self.lines: list[bytes] = []

    def add(self, rendered: Rendered) -> None:
        """One item: its members one after the other, and a line of the index."""
        summary = self.summary
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
                    "item": rendered.item,
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
        for shape, count in rendered.undrawn.items():
            summary.undrawn[shape] = summary.undrawn.get(shape, 0) + count

    def skip(self, rendered: Rendered) -> None:
        """Note a bad item that is left out."""
        assert rendered.error is not None
        self.summary.skipped.append(BadItem.of(rendered.item, rendered.error))
        self.summary.unread += rendered.unread

    def close(self) -> None:
        self.summary.sha256 = self._hash.hexdigest()
