"""A file that grows into the archive: its head, then finished parts in the order of the plan.

Where one process renders all parts of a plan into a folder, they need no files of their own: published, the strip is
linked under the archive's name, and not a byte is copied. Receipts name the parts' places in it, so a retry goes on at
its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import orjson

from airflow_savemasks.engine import naming, tar
from airflow_savemasks.engine import parts as part_files
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.plan import Plan
from airflow_savemasks.engine.storage import Piece, Range, Storage


class Strip:
    """An open strip. `path` is its path in Team Files, `end` the place of the next part."""

    def __init__(self, path: str, file: BinaryIO, end: int) -> None:
        self.path = path
        self.end = end
        self._file = file

    @contextmanager
    def part(self) -> Iterator[BinaryIO]:
        """Write a part at the end; when the block raises, the strip is as before."""
        try:
            yield self._file
        except BaseException:
            self._file.seek(self.end)
            self._file.truncate()
            raise
        self.end = self._file.tell()


def strip_path(plan: Plan) -> str:
    return f"{part_files.folder_of(plan.dst)}/{plan.digest}.strip"


def head_of(job: Job) -> bytes:
    """What stands in the archive before the first part: meta.json as a member."""
    return tar.whole_member(naming.META, orjson.dumps(job.meta.to_json(), option=orjson.OPT_INDENT_2) + b"\n")


@contextmanager
def open_strip(job: Job, team_files: Storage, plan: Plan, receipts: Mapping[str, str | None]) -> Iterator[Strip | None]:
    """The strip of a plan, None where parts are better written to files of their own.

    receipts: of the plan's finished parts by digest, None for one that lies in an old archive. A strip is of no use
    where the storage cannot grow files, where the archive is cut into volumes, where finished parts lie elsewhere, or
    where another process is writing it.
    """
    path, head = strip_path(plan), head_of(job)
    kept = [receipt for receipt in receipts.values() if receipt]
    places = [part_files.read_receipt(team_files, receipt).place for receipt in kept]
    elsewhere = len(kept) < len(receipts) or any(place.path != path for place in places)
    if elsewhere or job.options.volume_size is not None:
        yield None
        return
    end = max((place.offset + place.size for place in places), default=0)
    with team_files.growing(path) as file:
        if file is None or (end and not starts_with(team_files, path, head)):
            yield None
            return
        _forget(team_files, plan, set(kept))  # nobody may find what is overwritten now
        file.seek(end)
        file.truncate()
        if not end:
            file.write(head)
        yield Strip(path, file, file.tell())


def starts_with(team_files: Storage, path: str, head: bytes) -> bool:
    """Whether a strip begins as the archive does: after a loss of power it may not."""
    entry = team_files.stat(path)
    return entry is not None and entry.size >= len(head) and b"".join(team_files.stream(path, 0, len(head))) == head


def with_strip(team_files: Storage, plan: Plan, pieces: list[Piece]) -> list[Piece]:
    """The pieces of an archive, its head first; it is taken from the strip where the next one lies there."""
    path, head = strip_path(plan), pieces[0]
    first = pieces[1] if len(pieces) > 1 else None
    assert isinstance(head, bytes)
    in_strip = isinstance(first, Range) and (first.path, first.offset) == (path, len(head))
    return [Range(path, 0, len(head)), *pieces[1:]] if in_strip and starts_with(team_files, path, head) else pieces


def _forget(team_files: Storage, plan: Plan, wanted: set[str]) -> None:
    """Remove receipts of parts in the strip that are not wanted any more."""
    for receipt in part_files.all_receipts(team_files, plan.dst):
        if receipt not in wanted and part_files.read_receipt(team_files, receipt).place.path == strip_path(plan):
            team_files.delete([receipt])
