"""What the annotations of items say, without their pictures: for a plan that renders nothing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.limits import above
from airflow_savemasks.engine.masks.bounds import check_drawable
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.work.in_order import in_order
from airflow_savemasks.engine.work.loading import batches, refused
from airflow_savemasks.engine.work.pick_as_annotated import is_picked
from airflow_savemasks.engine.work.where import where_of


@dataclass(slots=True)
class Annotated:
    """labels: class -> labels of it, mapped and cut as an export does; left_out: by `pick`; error: why it is bad."""

    planned: Planned
    labels: Counter[str] = field(default_factory=Counter)
    left_out: bool = False
    error: ItemError | None = None


def read_annotations(job: Job, items: Iterable[Planned], stop: threading.Event) -> Generator[Annotated, None, None]:
    """Every item with what its annotation says, in order; what is bad as it is listed is not read.

    What only pictures tell is not found: that one is damaged, of another size, or gone since it was listed. Raises
    StorageError, Stopped.
    """
    connections = max(1, *(entry.source.connections for entry in job.inputs))
    for found in in_order(lambda batch: _read(job, batch), batches(job, items), connections, connections + 1, stop):
        yield from found


def _read(job: Job, batch: Sequence[Planned]) -> list[Annotated]:
    limits, pick = job.options.limits, job.options.pick
    decides = pick is not None and pick.reads
    found = [Annotated(planned, error=refused(job, planned, decided=not decides)) for planned in batch]
    places = {one.planned.item: one for one in found if one.error is None}

    def wanted(item: Item, content: bytes | None) -> bool:
        one = places[item]
        where = where_of(job, one.planned)
        if content is None:
            one.left_out = decides
            return False
        with as_bad_item(where):
            annotation = job.inputs[one.planned.input].reader.read(content, f"{where}, annotation")
            one.left_out = pick is not None and decides and not is_picked(pick, annotation)
            if not one.left_out:
                check_drawable(annotation.labels, annotation.height, annotation.width, job.colors, job.options)
        if not one.left_out and item.size > limits.picture_bytes:
            raise ItemError(where, *above("picture_bytes", item.size, limits))
        one.labels.update(label.class_name for label in annotation.labels)
        return False

    items = [one.planned.item for one in found if one.error is None]
    for item, loaded in zip(items, job.inputs[batch[0].input].source.load(items, wanted) if items else (), strict=True):
        places[item].error = loaded.error
    return found
