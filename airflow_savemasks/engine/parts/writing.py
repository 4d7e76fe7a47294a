"""Rendered items to finished parts: the members of a tar one after the other, and a receipt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import BinaryIO

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems, Skipped
from airflow_savemasks.engine.archive.index import line_at
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.growing import GrowingArchive
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import Head, new_part, skipped_line, write_receipt
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.base import Storage


def write_parts(
    team_files: Storage,
    plan: Plan,
    items: Iterator[Rendered],
    bad: BadItems,
    progress: Progress,
    growing: GrowingArchive | None,
    *,
    skip_bad: bool,
) -> int:
    """Write items to parts of the plan's size, each finished by its receipt; returns how many items are in them.

    growing: where parts go one after the other, None for files of their own; bad: gets the bad items; skip_bad: they
    are left out for good, which the receipts tell. Without it they are missing, so that nothing can be published. What
    is finished stays so when this raises.
    """
    written = 0
    while (first := next(items, None)) is not None:
        written += _write_part(team_files, plan, chain([first], items), bad, progress, growing, skip_bad=skip_bad)
    return written


def _write_part(
    team_files: Storage,
    plan: Plan,
    items: Iterator[Rendered],
    bad: BadItems,
    progress: Progress,
    growing: GrowingArchive | None,
    *,
    skip_bad: bool,
) -> int:
    """One part, of the first of the items; none where nothing is left of them."""
    path = growing.path if growing else new_part(plan.dst)
    begin = end = growing.end if growing else 0
    lines: list[bytes] = []
    seen = skipped = 0
    out: BinaryIO | None = None
    first = last = None
    with ExitStack() as stack:
        for rendered in items:
            first, last = first or rendered.source, rendered.source
            if rendered.error is None:
                if out is None:
                    out = stack.enter_context(growing.part() if growing else team_files.writing(path))
                for piece in rendered.pieces:
                    out.write(piece)
                lines.append(line_at(0, end, rendered.line))
                end += rendered.size
            else:
                log.error(str(rendered.error))
                told = BadItem.of(rendered.item, rendered.error)
                bad.add(told)
                skipped += skip_bad
                if skip_bad:
                    lines.append(skipped_line(Skipped(rendered.key, rendered.source, told, rendered.unread)))
            progress.add(rendered.size)
            seen += 1
            if seen == plan.part_items or end - begin >= plan.part_bytes:
                break
        if out is None and lines and growing is None:
            stack.enter_context(team_files.writing(path))  # empty: the receipt of what was left out names a file
    if lines and first is not None and last is not None:
        items_there = len(lines) - skipped
        head = Head(path.rpartition("/")[2], end, items_there, skipped, first, last)
        write_receipt(team_files, plan.dst, head, lines)
    return len(lines) - skipped
