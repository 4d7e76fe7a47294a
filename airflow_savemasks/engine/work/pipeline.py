"""Items in, rendered items out, in order, in bounded memory.

    items ─(batches)─> load, on connection threads ─(groups)─> render, on worker threads ─> in order to the caller

A window of groups is in flight, each of one picture, or of some small ones, as handing them over one by one would cost
more than rendering them. Of the pixels that are decoded or wait to be written there is a budget, so that large
pictures go one by one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby, islice
from typing import TypeVar

import cv2

from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.errors import ItemError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.limits import above
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.source import Loaded
from airflow_savemasks.engine.work.budget import Budget
from airflow_savemasks.engine.work.cores import usable_cores
from airflow_savemasks.engine.work.item import render_items, where_of

A = TypeVar("A")
B = TypeVar("B")

PIXELS = 32_000_000  # in flight
PIXEL_BYTES = 10  # at most, while it is rendered: picture 3, numbers 1, masks and their PNGs the rest
WINDOW = 3  # groups in flight for each worker
GROUP_BYTES, GROUP_ITEMS = 1 << 20, 16  # most pictures together in a group


Group = list[tuple[Planned, Loaded | None]]  # None: the worker loads it


def render_all(job: Job, items: Iterable[Planned], stop: threading.Event) -> Generator[Rendered, None, None]:
    """Load and render items; results come in the order of the items, bad ones among them.

    Raises Stopped once `stop` is set. Threads end before the generator does.
    """
    workers = job.options.workers or usable_cores()
    budget = Budget(PIXELS)

    def check() -> None:
        if stop.is_set():
            raise Stopped

    def one(numbered: tuple[int, Group]) -> tuple[int, list[Rendered]]:
        ticket, group = numbered
        check()
        try:
            pairs = [(planned, loaded or load_items(job, [planned])[0]) for planned, loaded in group]
            rendered = render_items(job, pairs, lambda pixels: budget.reserve(ticket, pixels), check)
            waiting = sum(len(piece) for one in rendered for piece in one.pieces)
            budget.shrink(ticket, waiting // PIXEL_BYTES)
            return ticket, rendered
        finally:
            budget.skip(ticket)

    cv2.setNumThreads(1)  # one thread a group; OpenCV's own would fight with them
    try:
        groups = enumerate(_groups(_load(job, items, stop)))
        with closing(_in_order(one, groups, workers, workers * WINDOW, stop, budget.close)) as results:
            for ticket, group in results:
                yield from group
                budget.release(ticket)
    finally:
        cv2.setNumThreads(-1)


def _load(
    job: Job, items: Iterable[Planned], stop: threading.Event
) -> Generator[tuple[Planned, Loaded | None], None, None]:
    """Items with their bytes, ahead of their rendering where the source is a remote one; otherwise not loaded yet."""

    def load(batch: list[Planned]) -> list[tuple[Planned, Loaded]]:
        return list(zip(batch, load_items(job, batch), strict=True))

    connections = max(entry.source.connections for entry in job.inputs)
    if not connections:
        yield from ((planned, None) for planned in items)
        return
    for loaded in _in_order(load, _batches(job, items), connections, connections + 1, stop):
        yield from loaded


def load_items(job: Job, batch: Sequence[Planned]) -> list[Loaded]:
    """The bytes of some items of one source. What is bad already as it is listed, or too large, is not read."""
    errors = [_refused(job, planned) for planned in batch]
    wanted = [planned.item for planned, error in zip(batch, errors, strict=True) if error is None]
    loaded = iter(job.inputs[batch[0].input].source.load(wanted) if wanted else ())
    return [
        next(loaded) if error is None else Loaded(planned.item, error=error, refused=True)
        for planned, error in zip(batch, errors, strict=True)
    ]


def _refused(job: Job, planned: Planned) -> ItemError | None:
    item, limits = planned.item, job.options.limits
    if item.problem:
        return ItemError(where_of(job, planned), item.problem, "Mend it at the source, or remove it from there")
    for name, size in (("picture_bytes", item.size), ("annotation_bytes", item.annotation_size)):
        if size > getattr(limits, name):
            return ItemError(where_of(job, planned), *above(name, size, limits))
    return None


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


def _batches(job: Job, items: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Runs of items of one source and dataset, as long as the source likes them."""
    for (number, _), run in groupby(items, key=lambda planned: (planned.input, planned.item.dataset)):
        source = job.inputs[number].source
        batch: list[Planned] = []
        size = 0
        for planned in run:
            if batch and (len(batch) == source.batch or size + planned.item.size > source.batch_bytes):
                yield batch
                batch, size = [], 0
            batch.append(planned)
            size += planned.item.size
        if batch:
            yield batch


def _in_order(
    work: Callable[[A], B],
    items: Iterable[A],
    threads: int,
    window: int,
    stop: threading.Event,
    give_up: Callable[[], None] = lambda: None,
) -> Generator[B, None, None]:
    """`map` on threads with at most `window` of them begun and not yet given out.

    give_up: called first when it ends early, so that no thread waits for something that will not come.
    """
    todo = iter(items)
    begun: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="savemasks")
    try:
        while True:
            begun.extend(pool.submit(work, item) for item in islice(todo, window - len(begun)))
            if not begun:
                return
            if stop.is_set():
                raise Stopped
            yield begun.popleft().result()
    finally:
        give_up()
        pool.shutdown(wait=True, cancel_futures=True)
