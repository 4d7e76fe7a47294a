"""Loaded items in, rendered items out, in order, in bounded memory.

    load_ahead, on connection threads ─(groups)─> render_items, on worker threads ─> in order to the caller
                          (groups)─> processes that load and render (processes.py) ─> in order to the caller

Some groups are in flight, each of one picture, or of some small ones, as handing them over one by one would cost more
than rendering them. Of the pixels that are decoded or wait to be written there is a budget, so that large pictures go
one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial

import cv2

from airflow_savemasks.engine.archive.members import RenderedGroup
from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.source import Loaded
from airflow_savemasks.engine.work.budget import Budget
from airflow_savemasks.engine.work.collector import rarer_collections
from airflow_savemasks.engine.work.cores import usable_cores
from airflow_savemasks.engine.work.in_order import in_order
from airflow_savemasks.engine.work.item import render_items
from airflow_savemasks.engine.work.loading import load_items
from airflow_savemasks.engine.work.processes import Workers

PIXELS = 32_000_000  # in flight
PIXEL_BYTES = 10  # at most, while it is rendered: picture 3, numbers 1, masks and their PNGs the rest
AHEAD = 3  # groups in flight for each worker
GROUP_BYTES, GROUP_ITEMS = 1 << 20, 16  # most pictures together in a group


Group = list[tuple[Planned, Loaded | None]]  # None: the worker loads it


def render_all(
    job: Job, items: Iterable[tuple[Planned, Loaded | None]], stop: threading.Event, processes: Workers | None = None
) -> Generator[RenderedGroup, None, None]:
    """Render items; results come in their order, bad ones among them. What is not loaded yet is loaded first.

    processes: that render, and are ended with this; without them threads do.

    What is rendered waits until its group is `written`: no more than the budget is rendered ahead of that.

    Raises Stopped once `stop` is set. Threads end before the generator does.
    """
    workers = len(processes) if processes else job.options.workers or usable_cores()
    ahead = workers * AHEAD
    threads = ahead if processes else workers  # those that ask a process only wait
    budget = Budget(PIXELS)

    def check() -> None:
        if stop.is_set():
            raise Stopped

    def one(numbered: tuple[int, Group]) -> RenderedGroup:
        ticket, group = numbered
        check()
        try:
            found = processes.render([planned for planned, _ in group], check) if processes else None
            if found is not None:
                rendered, free = found
                budget.reserve(ticket, sum(one.size for one in rendered) // PIXEL_BYTES)
                return RenderedGroup(rendered, partial(written, ticket, free))
            pairs = [(planned, loaded or load_items(job, [planned])[0]) for planned, loaded in group]
            rendered = render_items(job, pairs, lambda pixels: budget.reserve(ticket, pixels), check)
            waiting = sum(len(piece) for one in rendered for piece in one.pieces)
            budget.shrink(ticket, waiting // PIXEL_BYTES)
            return RenderedGroup(rendered, partial(budget.release, ticket))
        finally:
            budget.skip(ticket)

    def written(ticket: int, free: Callable[[], None]) -> None:
        free()
        budget.release(ticket)

    def give_up() -> None:
        budget.close()
        if processes:
            processes.kill()

    cv2.setNumThreads(1)  # one thread a group; OpenCV's own would fight with them
    try:
        groups = enumerate(_groups(items))
        with rarer_collections(), closing(in_order(one, groups, threads, ahead, stop, give_up)) as results:
            yield from results
    finally:
        if processes:
            processes.close()
        cv2.setNumThreads(-1)


def _groups(pairs: Iterable[tuple[Planned, Loaded | None]]) -> Iterator[Group]:
    """Pictures that follow each other, as many as are small enough together."""
    group: Group = []
    size = 0
    for pair in pairs:
        more = pair[0].item.size
        if group and (len(group) == GROUP_ITEMS or size + more > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(pair)
        size += more
    if group:
        yield group
