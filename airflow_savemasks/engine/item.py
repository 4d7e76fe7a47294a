"""One item from its bytes to the members of the archive. Pure but for the time it takes; runs in a worker thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2

from airflow_savemasks.engine import naming, picture, render
from airflow_savemasks.engine.annotation import Annotation, empty_annotation
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.members import Member, pack
from airflow_savemasks.engine.plan import Planned
from airflow_savemasks.engine.project import Loaded

Check = Callable[[], None]


@dataclass(slots=True)
class Rendered:
    """pieces: its members as they stand in the archive, one after the other; height, width in pixels; or an error."""

    planned: Planned
    pieces: list[bytes] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    height: int = 0
    width: int = 0
    labels: int = 0
    pixels: dict[str, int] = field(default_factory=dict)
    error: ItemError | None = None


def render_items(
    job: Job, pairs: Sequence[tuple[Planned, Loaded]], reserve: Callable[[int], None], check: Check
) -> list[Rendered]:
    """Decode, draw and encode some items, one after the other.

    reserve: called at most once, with the pixels of the largest picture, before memory for any is taken. An error of an
    item is returned, not raised, so that the others go on; `check` may raise Stopped.
    """
    annotations = [_annotation(job, planned, loaded) for planned, loaded in pairs]
    # a picture without an annotation tells its size only when decoded: a guess from its bytes has to do
    sizes = [
        found.height * found.width if found else 16 * len(loaded.picture)
        for found, (_, loaded) in zip(annotations, pairs, strict=True)
        if not isinstance(found, ItemError)
    ]
    if sizes:
        reserve(max(sizes))
    rendered = []
    for found, (planned, loaded) in zip(annotations, pairs, strict=True):
        try:
            if isinstance(found, ItemError):
                raise found
            rendered.append(_render(job, planned, loaded, found, check))
        except ItemError as error:
            rendered.append(Rendered(planned, error=error))
    return rendered


def _annotation(job: Job, planned: Planned, loaded: Loaded) -> Annotation | ItemError | None:
    """The annotation of an item, None where it has none, or what is wrong with the item."""
    if loaded.error or loaded.annotation is None:
        return loaded.error
    try:
        return job.inputs[planned.input].reader.read(loaded.annotation, f"{_where(job, planned)}, annotation")
    except ItemError as error:
        return error


def _where(job: Job, planned: Planned) -> str:
    return f"{job.inputs[planned.input].source.uri}, {planned.item.dataset}/{planned.item.name}"


def _render(job: Job, planned: Planned, loaded: Loaded, annotation: Annotation | None, check: Check) -> Rendered:
    where = _where(job, planned)
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
    pieces, members = pack(
        (kind, naming.member(planned.folder, kind, planned.name), data) for kind, data in files if data
    )
    return Rendered(planned, pieces, members, annotation.height, annotation.width, len(annotation.labels), masks.pixels)
