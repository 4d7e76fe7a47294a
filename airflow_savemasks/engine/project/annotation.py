"""An annotation's JSON to labels and back: classes and tags mapped, every label clipped to the picture.

Rules: supervisely-format, sections 1 (ann/*.json), 3 (clipping) and 6 (output). Labels stand in drawing order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

import orjson

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.geometry.ahead import Ahead
from airflow_savemasks.engine.geometry.base import Geometry, Given, Json
from airflow_savemasks.engine.geometry.table import parse_geometry
from airflow_savemasks.engine.geometry.unknown import Unknown
from airflow_savemasks.engine.limits import LIMITS, Limits, TooLarge, above
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.depth import CONTAINERS, DEEPEST, is_too_deep
from airflow_savemasks.engine.project.meta import ClassMapping, Meta, names_after
from airflow_savemasks.engine.project.redact import redact_annotation
from airflow_savemasks.engine.tally import some

COPIED = ("instance", "smartToolInput")
COPIED_WHOLE = (*COPIED, "id", "labelerLogin", "createdAt", "updatedAt")  # unless clipping makes several labels of one
HELD = 32 << 20  # pixels of labels that stay decoded between reading and drawing; others are decoded again
FIX_LABEL = "Mend the label at the source"


@dataclass(slots=True)
class Label:
    """One geometry with the class it is drawn as.

    before, after: what stands before and after the geometry in its object of the output's annotation; number: of the
    object in the source's annotation, for messages.
    """

    class_name: str
    geometry: Geometry
    before: Json
    after: Json
    number: int = 0

    def to_json(self) -> Json:
        """The object of the output's annotation. A geometry that nobody knows is in `before`, as it came."""
        own = {} if type(self.geometry) is Unknown else self.geometry.to_json()
        return {**self.before, **own, **self.after}


@dataclass(slots=True)
class Annotation:
    """height and width in pixels of the (turned) picture; labels in drawing order; `json`: the rest of the output."""

    height: int
    width: int
    labels: list[Label]
    json: Json

    def to_bytes(self, *, redact: bool = False) -> bytes:
        """The file for `ann/`: compact JSON in UTF-8. redact: without people."""
        document = {**self.json, "objects": [label.to_json() for label in self.labels]}
        if redact:
            document = redact_annotation(document)
        return whole_numbers.dumps(document, orjson.OPT_SERIALIZE_NUMPY)


class _GivenOfOne(dict[str, Given]):
    """What the geometries of one annotation are read with, by class; made for those that occur."""

    def __init__(self, known: Mapping[str, Given], ahead: Ahead) -> None:
        super().__init__()
        self._known, self._ahead = known, ahead

    def __missing__(self, name: str) -> Given:
        made = self[name] = replace(self._known[name], ahead=self._ahead)
        return made


class AnnotationReader:
    """Reads the annotations of one source project; made once, shared by all threads.

    meta: the source's own meta.json; classes, tags: the mappings of its data layer; merged: the meta of the output,
    whose class ids the labels get; limits: what is refused as too large; line_width: that labels are drawn with.
    """

    def __init__(
        self,
        meta: Meta,
        classes: ClassMapping,
        tags: ClassMapping,
        merged: Meta,
        limits: Limits = LIMITS,
        line_width: int = 1,
    ) -> None:
        self._meta = meta
        self._some_classes, self._some_tags = some(sorted(meta.classes)), some(sorted(meta.tags))  # for each bad item
        self._limits = limits
        self._given = {name: Given(item.template, limits, line_width=line_width) for name, item in meta.classes.items()}
        self._class_names = names_after(meta.classes, classes)
        self._tag_names = names_after(meta.tags, tags)
        self._class_ids = {item.name: item.raw.get("id") for item in merged.classes.values()}

    def read(self, content: bytes, where: str, check_size: Callable[[int, int], None] = lambda *_: None) -> Annotation:
        """The annotation file of one item. Raises ItemError that names `where` and the label.

        check_size: called with height and width before any label is looked at; may raise. Errors that nobody foresaw
        come as they are, with the label as a note.
        """
        self._check_bytes(content, where)
        try:
            data = orjson.loads(content)
            kept = whole_numbers.exact(content, data)  # geometries are read from `data`, whose numbers numpy takes
        except orjson.JSONDecodeError as error:
            raise ItemError(where, f"broken JSON ({error})", "Write the annotation again at the source") from error
        height, width = _size(data, where)
        check_size(height, width)
        if not isinstance(data.get("objects"), list) or not isinstance(data.get("tags"), list):
            fact = '"objects" and "tags" must both be there and be lists'
            raise ItemError(where, fact, "Add them; they may be empty")
        if len(data["objects"]) > self._limits.labels:
            raise ItemError(where, *above("labels", len(data["objects"]), self._limits))
        labels: list[Label] = []
        held = 0
        given = _GivenOfOne(self._given, Ahead(data["objects"] if b'"bitmap"' in content else (), self._limits))
        for number, (item, whole) in enumerate(zip(data["objects"], kept["objects"], strict=True)):
            try:
                found = self._labels(item, whole, number, where, (width, height), given)
            except Exception as error:
                error.add_note(f"label {number}")
                raise
            labels += found
            for label in found:
                pixels = label.geometry.held_pixels()
                held += pixels
                if pixels and held > HELD:
                    label.geometry.forget()
        out = {
            "description": data.get("description") or "",
            "size": {"height": height, "width": width},
            "tags": self._tags(kept["tags"], lambda: where),
            "customBigData": kept.get("customBigData") or {},
        }
        if kept.get("imageId") is not None:
            out["imageId"] = kept["imageId"]
        parts = [out, *(part for label in labels for part in (label.before, label.after))]
        if is_too_deep([value for part in parts for value in part.values() if value and type(value) in CONTAINERS]):
            raise ItemError(where, f"it is nested more than {DEEPEST} levels deep", "Flatten it")
        return Annotation(height, width, labels, out)

    def tags_that_become(self, names: Collection[str]) -> set[str]:
        """The names at the source of the tags that are called so after the mapping."""
        return {old for old, new in self._tag_names.items() if new in names}

    def _check_bytes(self, content: bytes, where: str) -> None:
        """Before it is parsed, which takes up to a hundred times the memory of the text."""
        values = content.count(b",") + content.count(b"[") + content.count(b"{")
        for name, found in (("annotation_bytes", len(content)), ("annotation_values", values)):
            if found > getattr(self._limits, name):
                raise ItemError(where, *above(name, found, self._limits))

    def _labels(
        self, item: Any, whole: Any, number: int, place: str, size: tuple[int, int], given: dict[str, Given]
    ) -> list[Label]:
        name = item.get("classTitle") if isinstance(item, dict) else None

        def where() -> str:  # thousands of labels are read for each that is bad
            return f"{place}, label {number} (class {name!r})"

        if not isinstance(name, str):
            raise ItemError(f"{place}, label {number}", 'no "classTitle" in it', FIX_LABEL)
        obj_class = self._meta.classes.get(name)
        if obj_class is None:
            fix = f"Add the class, or use one of {self._some_classes}"
            raise ItemError(f"{place}, label {number}", f"class {name!r} is not in meta.json", fix)
        raw_tags = whole.get("tags")
        if not isinstance(raw_tags, list):
            raise ItemError(where(), 'no list "tags" in it', 'Add "tags": []')
        tags = self._tags(raw_tags, where) if raw_tags else []
        new_name = self._class_names[name]
        try:
            geometry = parse_geometry(item, obj_class.shape, given[name])
            pieces = geometry.clip(*size, self._limits) if new_name is not None else ()
        except TooLarge as error:
            raise ItemError(where(), str(error), error.fix) from error
        except ValueError as error:
            raise ItemError(where(), f"broken geometry: {error}", FIX_LABEL) from error
        if new_name is None:
            return []
        kept = COPIED_WHOLE if len(pieces) == 1 else COPIED
        return [Label(new_name, piece, *self._json(whole, new_name, tags, piece, kept), number) for piece in pieces]

    def _json(
        self, item: Json, name: str, tags: list[Json], geometry: Geometry, kept: Sequence[str]
    ) -> tuple[Json, Json]:
        """What stands before and after the geometry in the output's object. kept: keys that are copied."""
        shape = geometry.shape
        created = bool(item.get("nnCreated"))
        updated = created and bool(item.get("nnUpdated"))
        after: Json = {"geometryType": shape, "shape": shape, "nnCreated": created, "nnUpdated": updated}
        if type(geometry) is Unknown:
            return {**item, "classTitle": name, "tags": tags, **after}, {}
        class_id = self._class_ids.get(name)
        if class_id is not None:
            after["classId"] = class_id
        for key in kept:
            value = item.get(key)
            if value is not None:
                after[key] = value
        return {"classTitle": name, "description": item.get("description") or "", "tags": tags}, after

    def _tags(self, items: list[Any], where: Callable[[], str]) -> list[Json]:
        tags = []
        for item in items:
            tag = {"name": item} if isinstance(item, str) else item
            name = tag.get("name") if isinstance(tag, dict) else None
            known = self._meta.tags.get(name) if isinstance(name, str) else None
            if known is None:
                fix = f"Add the tag, or use one of {self._some_tags}"
                raise ItemError(where(), f"tag {name!r} is not in meta.json", fix)
            if not known.accepts(tag.get("value")):
                raise ItemError(
                    where(),
                    f"tag {known.name!r} of type {known.value_type!r} has the value {tag.get('value')!r}",
                    "Correct the value" + (f": one of {some(sorted(known.values))}" if known.values else ""),
                )
            if not isinstance(tag.get("customData", {}), dict | NoneType):
                raise ItemError(where(), f'"customData" of tag {known.name!r} is no object', "Remove it")
            if (new_name := self._tag_names[known.name]) is not None:
                tags.append(tag if new_name == known.name else {**tag, "name": new_name})
        return tags


def empty_annotation(height: int, width: int) -> Annotation:
    """For a picture without an annotation file: no labels, the size of the turned picture in pixels."""
    size = {"height": height, "width": width}
    return Annotation(height, width, [], {"description": "", "size": size, "tags": [], "customBigData": {}})


def _size(data: Any, where: str) -> tuple[int, int]:
    size = data.get("size") if isinstance(data, dict) else None
    if not isinstance(size, dict):
        raise ItemError(where, 'no "size" in it', 'Add "size": {"height", "width"} of the picture')
    height, width = size.get("height"), size.get("width")
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        raise ItemError(where, f'"size" is {height!r} x {width!r}', "Write height and width of the picture in pixels")
    return height, width
