"""What lies in an archive that is going to be replaced volume by volume is taken out of it before, as a finished part.

So a run that is killed between two volumes, when neither archive is whole, costs no item: the next one finds that part.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_savemasks.engine.archive.index import moved, parse_line, read_line
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import Head, write_long_receipt
from airflow_savemasks.engine.parts.work_names import new_part
from airflow_savemasks.engine.publish.layout import Layout, in_work_folder
from airflow_savemasks.engine.publish.next_file import NextFile
from airflow_savemasks.engine.storage.base import Range, Storage


@dataclass(frozen=True, slots=True)
class _Moved:
    """A piece of the next archive, where it begins in its volume, and where it lies in the part."""

    volume: int
    start: int
    size: int
    at: int


def take_out(team_files: Storage, plan: Plan, layout: Layout, index: NextFile) -> None:
    """Copy it to a part, with a receipt, and have the layout take it from there. index: of the next archive, whole.

    Raises StorageError, Stopped, and Changed where such an archive is another one by now.
    """
    path = new_part(plan.dst, plan.settings)
    taken: list[Range] = []
    moves: list[_Moved] = []
    at = 0
    for volume, pieces in enumerate(layout.volumes):
        start = layout.head
        for number, piece in enumerate(pieces):
            if not in_work_folder(piece):
                taken.append(piece)
                moves.append(_Moved(volume, start, piece.size, at))
                pieces[number] = Range(path, at, piece.size)
                at += piece.size
            start += piece.size
    if not taken:
        return
    team_files.compose(path, taken)
    index.finish()
    run = layout.elsewhere
    first, last = parse_line(run.first).source, parse_line(run.last).source
    head = Head(path.rpartition("/")[2], at, run.items, 0, first, last, plan.name)
    write_long_receipt(team_files, plan.dst, head, _lines(team_files, index, moves))


def _lines(team_files: Storage, index: NextFile, moves: list[_Moved]) -> Iterator[bytes]:
    """The lines of the items that were moved, as the part's receipt has them."""
    whole = index.piece
    if isinstance(whole, Range):
        lines = read_lines(team_files, whole.path, whole.size, whole.known)
    else:
        lines = iter(whole.splitlines(keepends=True))
    starts = [(move.volume, move.start) for move in moves]
    for line in lines:
        known = read_line(line)
        number = bisect_right(starts, (known.volume, known.offset)) - 1
        move = moves[number] if number >= 0 else None
        if move is not None and known.volume == move.volume and known.offset < move.start + move.size:
            yield moved(line, known, 0, move.at + known.offset - move.start)
