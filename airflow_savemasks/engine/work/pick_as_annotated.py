"""Which pictures `pick` leaves out by their annotations: decided before a picture is read.

Rules: more-masks, section 10.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.limits import above
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.annotation import Annotation
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.source import Item, Wanted
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.work.where import where_of


def wanted_of(job: Job, batch: Sequence[Planned]) -> Wanted | None:
    """What a source asks of each item of a batch before it reads the picture; None where all are wanted."""
    pick = job.options.pick
    if pick is None or not pick.reads:
        return None
    places = {planned.item: planned for planned in batch}
    limits = job.options.limits

    def wanted(item: Item, content: bytes | None) -> bool:
        """Raises ItemError for an annotation that cannot be read, and a picture that is wanted and too large."""
        if content is None:
            return False
        planned = places[item]
        where = where_of(job, planned)
        with as_bad_item(where):
            annotation = job.inputs[planned.input].reader.read(content, f"{where}, annotation")
        if not is_picked(pick, annotation):
            return False
        if item.size > limits.picture_bytes:
            raise ItemError(where, *above("picture_bytes", item.size, limits))
        return True

    return wanted


def is_picked(pick: Pick, annotation: Annotation) -> bool:
    """Whether a picture with this annotation (mapped and cut) is exported, whatever its dataset is."""
    if pick.labelled and not annotation.labels:
        return False
    if pick.tags and not {tag["name"] for tag in annotation.json["tags"]} & set(pick.tags):
        return False
    return not pick.classes or any(label.class_name in pick.classes for label in annotation.labels)
