"""A file that grows into the archive: its head, then finished parts in the order of the plan.

Where one process renders all parts of a plan into a folder, they need no files of their own: published, the growing
archive is linked under its name, and not a byte is copied. Receipts name the parts' places in it, so a retry goes on at
its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import BinaryIO

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import RECEIPT, Receipt, find_receipts
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.parts.work_names import folder_of, new_name, without_others
from airflow_savemasks.engine.storage.base import Piece, Range, Storage

ENDING = ".growing"


class GrowingArchive:
    """An open growing archive. `path` is its path in Team Files, `file` takes bytes at their places, `end` is where
    the next part begins once the one before is written.
    """

    def __init__(self, path: str, file: BinaryIO, end: int) -> None:
        self.path = path
        self.file = file
        self.end = end

    def cut(self) -> None:
        """What was written behind the last finished part goes, so that the growing archive is as before."""
        self.file.seek(self.end)
        self.file.truncate()


@contextmanager
def open_growing(job: Job, team_files: Storage, plan: Plan) -> Iterator[GrowingArchive | None]:
    """The growing archive of a plan, None where parts are better written to files of their own.

    A growing archive is of no use where the storage cannot grow files, where the archive is cut into volumes, where
    finished items lie elsewhere, or where another process is writing it. A new one gets a name that no receipt has ever
    named: what a receipt names is never written again.
    """
    if job.options.volume_size is not None or not team_files.grows:
        yield None
        return
    head = head_of(job)
    receipts = find_receipts(team_files, plan.dst, without_others(work_files(team_files, plan.dst), plan.settings))
    path: str | None
    if plan.todo < plan.items:
        path, end = _to_go_on(team_files, head, plan, receipts)
    else:
        path, end = f"{folder_of(plan.dst)}/{new_name(plan.settings)}{ENDING}", 0
        _remove_unused(team_files, plan, {receipt.file for receipt in receipts})
    if path is None:
        yield None
        return
    with team_files.growing(path) as file:
        if file is None:
            yield None
            return
        file.seek(end)
        file.truncate()
        if not end:
            file.write(head)
        growing = GrowingArchive(path, file, file.tell())
        try:
            yield growing
        except BaseException:
            growing.cut()
            raise


def with_head_in_place(team_files: Storage, pieces: list[Piece], leads: Mapping[str, str]) -> list[Piece]:
    """The pieces of an archive, its head first; that is taken from where it stands before the next one, if it does.

    leads: files that begin with something -> its SHA-256. A growing archive is looked at: the loss of power
    may have taken its beginning.
    """
    head = pieces[0]
    first = pieces[1] if len(pieces) > 1 else None
    assert isinstance(head, bytes)
    if not isinstance(first, Range) or first.offset != len(head):
        return pieces
    if first.path.endswith(ENDING):
        is_there = _starts_with(team_files, first.path, head)
    else:
        is_there = leads.get(first.path) == sha256(head).hexdigest()
    return [replace(first, offset=0, size=len(head) + first.size), *pieces[2:]] if is_there else pieces


def _to_go_on(team_files: Storage, head: bytes, plan: Plan, receipts: Sequence[Receipt]) -> tuple[str | None, int]:
    """The growing archive that holds just the items that are finished, and where it goes on; None where none does.

    None as well where a receipt lies there that could not be used just now: it may name what would be cut off, and be
    read again later.
    """
    own = without_others(team_files.listdir(folder_of(plan.dst)).files, plan.settings)
    if sum(name.endswith(RECEIPT) for name in own) != len(receipts):
        return None, 0
    paths = {receipt.file for receipt in receipts if receipt.path in plan.found_in}
    if len(paths) != 1:
        return None, 0
    path = paths.pop()
    inside = [receipt.head for receipt in receipts if receipt.file == path]
    ended = sum(head.items + head.left_out for head in inside)
    alone = ended == plan.items - plan.todo and not any(head.skipped for head in inside)
    if not path.endswith(ENDING) or not alone or not _starts_with(team_files, path, head):
        return None, 0
    return path, max(head.end for head in inside)


def _starts_with(team_files: Storage, path: str, head: bytes) -> bool:
    """Whether a growing archive begins as the archive does: after a loss of power it may not."""
    entry = team_files.stat(path)
    return entry is not None and entry.size >= len(head) and b"".join(team_files.stream(path, 0, len(head))) == head


def _remove_unused(team_files: Storage, plan: Plan, named: set[str]) -> None:
    """Remove those that no receipt names and nobody writes: of tries that died before their first receipt."""
    folder = folder_of(plan.dst)
    for name in without_others(team_files.listdir(folder).files, plan.settings):
        path = f"{folder}/{name}"
        if name.endswith(ENDING) and path not in named:
            remove_growing(team_files, path)


def remove_growing(team_files: Storage, path: str) -> None:
    """Remove a growing archive that nobody writes. One that cannot be opened stays, which fails no export."""
    try:
        team_files.remove_growing(path)
    except StorageError as error:
        log.warning("left over from an earlier try: %s", error)
