"""Threads or processes: which of them render a plan."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from airflow_savemasks.engine.archive.members import RenderedGroup
from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.work.cores import usable_cores
from airflow_savemasks.engine.work.loading import load_ahead
from airflow_savemasks.engine.work.processes import start_workers
from airflow_savemasks.engine.work.rendering import PIXELS, render_all

# Measured on two cores with 3,000 pictures of 256x256 (143 kB each): threads take 1.9 ms a picture, as they wait for
# Python's lock, processes 1.2 ms after half a second in which they start (0.45 s of CPU each). A photograph of 530 kB
# takes 38 ms, for 5 to 7 of which its thread has the lock. The same pictures from an S3 with 20 ms of latency on these
# two cores take 21.4 s by threads and 17.2 by processes; 600 of them 3.8 and 5.0, as client and core are imported anew.
SMALL = 192 << 10  # bytes of a picture, on average, up to which processes pay
SAVED, SAVED_REMOTE = 0.0007, 0.002  # seconds a picture, of a folder and of what lies behind a network
MARGIN = 2  # what is saved against the seconds until processes have started
SHARES = 3  # processes that the least number of pictures is enough for


@dataclass(frozen=True, slots=True)
class Amount:
    """What is to be rendered: how many items, and the bytes of their pictures as they are listed."""

    items: int
    picture_bytes: int


def processes_for(job: Job, amount: Amount) -> int:
    """How many processes render so much best; 0: threads do."""
    workers = job.options.workers or usable_cores()
    sources = [entry.source for entry in job.inputs]
    if any(source.again is None for source in sources):
        return 0
    saved = SAVED_REMOTE if any(source.connections for source in sources) else SAVED
    least = round(MARGIN * max(source.opening_seconds for source in sources) / saved)
    if workers == 1 or amount.items < least or amount.picture_bytes > SMALL * amount.items:
        return 0
    return min(workers, SHARES * amount.items // least)


def rendered_items(
    job: Job, items: Iterable[Planned], amount: Amount, stop: threading.Event
) -> Generator[RenderedGroup, None, None]:
    """Items from their sources, rendered, in their order. Raises Stopped once `stop` is set."""

    def check() -> None:
        if stop.is_set():
            raise Stopped

    number = processes_for(job, amount)
    processes = start_workers(job, number, PIXELS // number, check) if number else None
    if processes is not None:
        with closing(render_all(job, ((planned, None) for planned in items), stop, processes)) as rendered:
            yield from rendered
        return
    with closing(load_ahead(job, items, stop)) as loaded, closing(render_all(job, loaded, stop)) as rendered:
        yield from rendered
