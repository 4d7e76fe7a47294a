"""One annotation file of a project folder, as an instance hands it out: with ids, sub-pixels, alpha masks apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.coordinates import to_server

Json = dict[str, Any]
LABELER = "labeler"


@dataclass(frozen=True)
class ServedAnnotation:
    """What `annotations.*` and `figures.bulk.download.geometry` answer for one image.

    `document` is the annotation without `customBigData` and without the `bitmap` of alpha masks; `alpha_masks` has
    those bitmaps by figure id.
    """

    document: Json
    custom_big_data: Json
    alpha_masks: Mapping[int, Json]

    @property
    def image_tags(self) -> list[Json]:
        """The tags of the image itself."""
        tags: list[Json] = self.document["tags"]
        return tags

    @property
    def labels_count(self) -> int:
        """The number of objects."""
        return len(self.document["objects"])


@dataclass(frozen=True)
class Numbering:
    """Where ids come from: an id of the folder is kept while it is free, otherwise there is a new one."""

    figure: Callable[[object], int]
    tag: Callable[[object], int]


def serve(source: Json, meta: Json, size: tuple[int, int], timestamp: str, numbering: Numbering) -> ServedAnnotation:
    """Turn the JSON of an `ann/` file into the instance's form.

    Args:
        source: the file's JSON; an empty dict for a picture without a file.
        meta: `meta.json` with ids.
        size: (width, height) for an annotation that does not say its own.
        timestamp: `createdAt` and `updatedAt` of objects and tags that have none.
        numbering: gives ids to objects and tags.
    """
    class_by_title = {item["title"]: item for item in meta.get("classes", [])}
    tag_ids = {item["name"]: item["id"] for item in meta.get("tags", [])}

    def served_tag(tag: Json) -> Json:
        defaults = {"value": None, "labelerLogin": LABELER, "createdAt": timestamp, "updatedAt": timestamp}
        ids = {"id": numbering.tag(tag.get("id")), "tagId": tag_ids.get(tag.get("name"))}
        return {**defaults, **tag, **ids}

    def served_figure(figure: Json) -> Json:
        owner = class_by_title.get(figure.get("classTitle"), {})
        kind = _geometry_type(figure, owner.get("shape", "any"))
        defaults = {
            "description": "",
            "labelerLogin": LABELER,
            "createdAt": timestamp,
            "updatedAt": timestamp,
            "nnCreated": False,
            "nnUpdated": False,
        }
        facts = {"id": numbering.figure(figure.get("id")), "classId": owner.get("id"), "geometryType": kind}
        tags = [served_tag(tag) for tag in figure.get("tags", [])]
        return {**defaults, **figure, **facts, "shape": kind, "tags": tags}

    width, height = size
    document = {
        "description": source.get("description") or "",
        "size": source.get("size") or {"height": height, "width": width},
        "tags": [served_tag(tag) for tag in source.get("tags", [])],
        "objects": [served_figure(figure) for figure in source.get("objects", [])],
    }
    document = to_server(document)
    alpha_masks = {
        figure["id"]: figure.pop("bitmap")
        for figure in document["objects"]
        if figure["geometryType"] == "alpha_mask" and "bitmap" in figure
    }
    return ServedAnnotation(document, source.get("customBigData") or {}, alpha_masks)


def _geometry_type(figure: Json, shape: str) -> str | None:
    """Return what the object is: the class decides, unless it is of shape `any` (or unknown)."""
    own = figure.get("geometryType") or figure.get("shape")
    if shape == "any" or own is None:
        return own if own is not None else shape
    return shape
