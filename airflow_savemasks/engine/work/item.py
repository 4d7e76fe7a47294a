"""One item from its bytes to the members of the archive. Pure but for the time it takes; runs in a worker thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.archive import naming
from airflow_savemasks.engine.archive.index import rest_of_line
from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.archive.members import Rendered, pack
from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.geometry.unknown import Unknown
from airflow_savemasks.engine.image.decode import decode, inspect
from airflow_savemasks.engine.image.header import Header
from airflow_savemasks.engine.image.preview import preview
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.masks.bounds import check_drawable
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.masks.registry import draw_masks, notes_of
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.annotation import Annotation, empty_annotation
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.source import Loaded
from airflow_savemasks.engine.work.where import where_of

Check = Callable[[], None]


def render_items(
    job: Job, pairs: Sequence[tuple[Planned, Loaded]], reserve: Callable[[int], None], check: Check
) -> list[Rendered]:
    """Decode, draw and encode some items, one after the other.

    reserve: called at most once, with the pixels of the largest picture, before memory for any is taken. An error of an
    item is returned, not raised, so that the others go on; `check` may raise Stopped.
    """
    headers = [None if loaded.left_out else _inspect(job, planned, loaded) for planned, loaded in pairs]
    sizes = [header.height * header.width for header in headers if isinstance(header, Header)]
    if sizes:
        reserve(max(sizes))
    rendered = []
    for header, (planned, loaded) in zip(headers, pairs, strict=True):
        if header is None:
            rendered.append(Rendered(_name(planned), planned.key, planned.origin, left_out=True))
            continue
        try:
            if not isinstance(header, Header):
                raise header
            with as_bad_item(where_of(job, planned)):
                rendered.append(_render(job, planned, loaded, header, check))
        except ItemError as error:
            unread = loaded.error is not None and not loaded.refused
            shown = preview(loaded.picture, header.height, header.width) if isinstance(header, Header) else b""
            named = _name(planned), planned.key, planned.origin
            rendered.append(Rendered(*named, error=error, unread=unread, preview=shown))
    return rendered


def _inspect(job: Job, planned: Planned, loaded: Loaded) -> Header | ItemError:
    """The header of an item's picture, or what is wrong with the item. Every picture is looked at, decoded or not."""
    if loaded.error:
        return loaded.error
    try:
        with as_bad_item(where_of(job, planned)):
            return inspect(loaded.picture, job.options.limits)
    except ItemError as error:
        return error


def _render(job: Job, planned: Planned, loaded: Loaded, header: Header, check: Check) -> Rendered:
    """Labels are drawn before the picture is decoded, so that both do not take their memory at once."""
    where = where_of(job, planned)
    check()
    annotation = _annotation(job, planned, loaded, header)
    check()

    def decoded() -> NDArray[np.uint8]:
        image = decode(loaded.picture)
        if image.shape[:2] != (annotation.height, annotation.width):
            raise _other_size(where, image.shape[0], image.shape[1], annotation.height, annotation.width)
        return image

    check_drawable(annotation.labels, annotation.height, annotation.width, job.colors, job.options)
    drawing = Drawing(annotation.labels, annotation.height, annotation.width, job.colors, decoded, check, job.options)
    place, called = (planned.folder, planned.name), LAYOUTS[job.options.layout]
    masks = [
        (kind.folder, called.mask(*place, kind.folder, kind.name, file.ending), file.pieces)
        for kind, file in draw_masks(drawing)
    ]
    files = [
        (naming.ANN, called.annotation(*place), [annotation.to_bytes(redact=job.options.redact)]),
        (naming.IMG, called.picture(*place), [loaded.picture]),
        *sorted(masks, key=itemgetter(0)),  # several of one kind stay in their order
    ]
    pieces, members = pack(files)
    size = sum(map(len, pieces))
    shape = annotation.height, annotation.width
    line = rest_of_line(
        size,
        _name(planned),
        planned.key,
        planned.origin,
        shape,
        len(annotation.labels),
        members,
        drawing.pixels(),
        _undrawn(job, annotation),
        notes_of(drawing) | _share(job, planned, annotation),
    )
    return Rendered(_name(planned), planned.key, planned.origin, pieces, size, line)


def _name(planned: Planned) -> str:
    return f"{planned.folder}/{planned.name}"


def _share(job: Job, planned: Planned, annotation: Annotation) -> dict[str, str]:
    """What the line of the index says of the share that an item belongs to."""
    split = job.options.split
    if split is None:
        return {}
    tags = [(tag["name"], tag.get("value")) for tag in annotation.json["tags"]]
    return {"split": split.share_of(split.key_of(planned.item.dataset, planned.item.name, tags))}


def _undrawn(job: Job, annotation: Annotation) -> dict[str, int]:
    """Shapes that nobody here knows -> how many labels of classes with a color have them."""
    colored = {*(job.colors.machine or ()), *(job.colors.human or ())}
    found: dict[str, int] = {}
    for label in annotation.labels:
        if isinstance(label.geometry, Unknown) and label.class_name in colored:
            shape = label.geometry.shape[:40]
            found[shape] = found.get(shape, 0) + 1
    return found


def _annotation(job: Job, planned: Planned, loaded: Loaded, header: Header) -> Annotation:
    """The annotation of an item, for a picture of just that size. Raises ItemError."""
    where = where_of(job, planned)
    if loaded.annotation is None:
        return empty_annotation(header.height, header.width)

    def check_size(height: int, width: int) -> None:
        size = header.height, header.width
        if size == (width, height) != (height, width):  # EXIF data may be read in more than one way: OpenCV has the say
            turned = decode(loaded.picture)
            size = turned.shape[0], turned.shape[1]
        if size != (height, width):
            raise _other_size(where, size[0], size[1], height, width)

    return job.inputs[planned.input].reader.read(loaded.annotation, f"{where}, annotation", check_size)


def _other_size(where: str, height: int, width: int, annotated_height: int, annotated_width: int) -> ItemError:
    return ItemError(
        where,
        f"the picture is {width}x{height} pixels (turned as its EXIF says), "
        f"the annotation is for {annotated_width}x{annotated_height}",
        "Annotate the picture that is there, or put the annotated one back",
    )
