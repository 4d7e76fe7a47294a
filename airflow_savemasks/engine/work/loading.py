"""Bytes of items from their sources: ahead of their rendering where a source is a remote one."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import groupby

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.limits import above
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.source import Loaded
from airflow_savemasks.engine.work.in_order import in_order
from airflow_savemasks.engine.work.pick_as_annotated import wanted_of
from airflow_savemasks.engine.work.where import where_of

ROOM = 64 << 20  # bytes of pictures that are being loaded or wait to be rendered; a larger one goes alone


def load_ahead(
    job: Job, items: Iterable[Planned], stop: threading.Event
) -> Generator[tuple[Planned, Loaded | None], None, None]:
    """Items with their bytes; None where they are read so fast that whoever renders an item loads it."""

    def load(batch: list[Planned]) -> list[tuple[Planned, Loaded]]:
        return list(zip(batch, load_items(job, batch), strict=True))

    connections = max(entry.source.connections for entry in job.inputs)
    if not connections:
        yield from ((planned, None) for planned in items)
        return
    runs = batches(job, items)
    for loaded in in_order(load, runs, connections, connections + 1, stop, weigh=_picture_bytes, room=ROOM):
        yield from loaded


def _picture_bytes(batch: Sequence[Planned]) -> int:
    return sum(planned.item.size for planned in batch)


def batches(job: Job, items: Iterable[Planned]) -> Iterator[list[Planned]]:
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


def load_items(job: Job, batch: Sequence[Planned]) -> list[Loaded]:
    """The bytes of some items of one source.

    What is bad already as it is listed, or too large, is not read; nor is the picture of what `pick` leaves out.
    """
    wanted = wanted_of(job, batch)
    errors = [refused(job, planned, decided=wanted is None) for planned in batch]
    items = [planned.item for planned, error in zip(batch, errors, strict=True) if error is None]
    loaded = iter(job.inputs[batch[0].input].source.load(items, wanted) if items else ())
    return [
        next(loaded) if error is None else Loaded(planned.item, error=error, refused=True)
        for planned, error in zip(batch, errors, strict=True)
    ]


def refused(job: Job, planned: Planned, *, decided: bool) -> ItemError | None:
    """Why an item is bad before anything of it is read, or None.

    decided: whether it is known that the picture is wanted; otherwise it is no bad item for its size yet.
    """
    item, limits = planned.item, job.options.limits
    if item.problem:
        return ItemError(where_of(job, planned), item.problem, "Mend it at the source, or remove it from there")
    for name, size in (("picture_bytes", item.size), ("annotation_bytes", item.annotation_size)):
        if size > getattr(limits, name) and (decided or name != "picture_bytes"):
            return ItemError(where_of(job, planned), *above(name, size, limits))
    return None
