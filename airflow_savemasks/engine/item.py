"""One item from its bytes to the members of the archive. Pure but for the time it takes; runs in a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2

from airflow_savemasks.engine import naming, picture, render
from airflow_savemasks.engine.annotation import empty_annotation
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.plan import Planned
from airflow_savemasks.engine.project import Loaded

Check = Callable[[], None]


@dataclass(slots=True)
class Rendered:
    """members: (kind, file as pieces) in the order of the archive; height, width in pixels; or an error."""

    planned: Planned
    members: list[tuple[str, list[bytes]]] = field(default_factory=list)
    height: int = 0
    width: int = 0
    labels: int = 0
    pixels: dict[str, int] = field(default_factory=dict)
    error: ItemError | None = None


def render_item(job: Job, planned: Planned, loaded: Loaded, reserve: Callable[[int], None], check: Check) -> Rendered:
    """Decode, draw and encode one item.

    reserve: called once, with the pixels of the picture, before memory for them is taken. An error of the item is
    returned, not raised, so that the others go on; `check` may raise Stopped.
    """
    try:
        if loaded.error:
            raise loaded.error
        return _render(job, planned, loaded, reserve, check)
    except ItemError as error:
        return Rendered(planned, error=error)


def _render(job: Job, planned: Planned, loaded: Loaded, reserve: Callable[[int], None], check: Check) -> Rendered:
    entry = job.inputs[planned.input]
    item = planned.item
    where = f"{entry.source.uri}, {item.dataset}/{item.name}"
    annotation = None
    if loaded.annotation is not None:
        annotation = entry.reader.read(loaded.annotation, f"{where}, annotation")
    # a picture without an annotation tells its size only when decoded: a guess from its bytes has to do
    reserve(annotation.height * annotation.width if annotation else 16 * len(loaded.picture))
    check()
    image = None
    if job.colours.human is not None or annotation is None:
        try:
            image = picture.decode(loaded.picture)
        except ValueError as error:
            raise ItemError(where, str(error), "Replace the picture, or remove it from the project") from error
    elif not loaded.picture:
        raise ItemError(where, "the file is empty", "Replace the picture, or remove it from the project")
    if annotation is None:
        assert image is not None
        annotation = empty_annotation(*image.shape[:2])
    elif image is not None and image.shape[:2] != (annotation.height, annotation.width):
        raise ItemError(
            where,
            f"the picture is {image.shape[1]}x{image.shape[0]} pixels (turned as its EXIF says), "
            f"the annotation is for {annotation.width}x{annotation.height}",
            "Annotate the picture that is there, or put the annotated one back",
        )
    check()
    try:
        masks = render.render(annotation.labels, annotation.height, annotation.width, job.colours, image, check)
    except cv2.error as error:
        raise ItemError(where, f"a label cannot be drawn: {error.err}", "Mend the label at the source") from error
    files = [
        (naming.ANN, [annotation.to_bytes()]),
        (naming.IMG, [loaded.picture]),
        (naming.HUMAN, masks.human),
        (naming.MACHINE, masks.machine),
    ]
    members = [(kind, data) for kind, data in files if data]
    return Rendered(planned, members, annotation.height, annotation.width, len(annotation.labels), masks.pixels)
