"""meta.json: the classes and tags of a project; mapping them, merging several projects, writing them again.

Rules: supervisely-format, sections 1 (meta.json), 6 (output) and 7 (graphs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.geometry.base import Json
from airflow_savemasks.engine.geometry.graph import wrong_template
from airflow_savemasks.engine.tally import SHOWN

KEEP, IGNORE, OTHER = "__default__", "__ignore__", "__other__"
HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_SETTINGS = {"multiView": {"enabled": False, "tagName": None, "tagId": None, "isSynced": False}}
ClassMapping = Mapping[str, str] | None  # None keeps everything ("default" in the layer)


@dataclass(frozen=True, slots=True)
class ObjClass:
    """A class of labels: its name, its shape as written, and the template of its graphs."""

    name: str
    shape: str
    template: Json
    raw: Json

    def to_json(self) -> Json:
        config = {} if self.shape == "cuboid_2d" else self.template
        defaults = {"description": "", "hotkey": ""}
        return defaults | self.raw | {"title": self.name, "shape": self.shape, "geometry_config": config}


@dataclass(frozen=True, slots=True)
class TagMeta:
    """A tag that pictures and labels may carry, and which values it takes."""

    name: str
    value_type: str
    values: tuple[str, ...] | None
    raw: Json
    allowed: frozenset[str] = frozenset()  # the values, looked up for every tag of every label

    def accepts(self, value: Any) -> bool:
        """Whether a tag of this kind may have the value."""
        match self.value_type:
            case "none":
                return value is None
            case "any_number":
                return isinstance(value, int | float)
            case "any_string":
                return isinstance(value, str)
            case "oneof_string":
                return isinstance(value, str) and value in self.allowed
            case _:
                return isinstance(value, str) and _is_date(value)

    def same_kind(self, other: TagMeta) -> bool:
        """Whether the two may be merged: one type, the same values in any order."""
        return self.value_type == other.value_type and sorted(self.values or ()) == sorted(other.values or ())

    def to_json(self) -> Json:
        defaults = {"color": "#7F7F7F", "hotkey": "", "applicable_type": "all", "classes": [], "target_type": "all"}
        return defaults | self.raw | {"name": self.name, "value_type": self.value_type}


@dataclass(frozen=True, slots=True)
class Meta:
    """Classes and tags by name, in the order of the file."""

    classes: dict[str, ObjClass]
    tags: dict[str, TagMeta]
    project_type: str = "images"
    settings: Json = field(default_factory=lambda: DEFAULT_SETTINGS)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {
            "classes": [item.to_json() for item in self.classes.values()],
            "tags": [tag.to_json() for tag in self.tags.values()],
            "projectType": self.project_type,
            "projectSettings": self.settings,
        }


def parse_meta(raw: Any, where: str) -> Meta:
    """meta.json as parsed JSON -> Meta. Raises ProjectError that names `where` and the class or tag."""
    fix = 'It needs "classes": [{"title", "shape", "color"}, ...]; export the project from Supervisely again'
    if not isinstance(raw, dict) or not isinstance(raw.get("classes"), list):
        raise ProjectError(where, 'no list "classes" in it', fix)
    for key in ("tags", "tags_images", "tags_objects"):
        if raw.get(key) and not isinstance(raw[key], list):
            raise ProjectError(where, f'"{key}" is {raw[key]!r:.60}, not a list', 'Write a list of tags, or "tags": []')
    odd: list[str] = []  # classes whose color is none
    classes = [_parse_class(item, where, odd) for item in raw["classes"]]
    more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
    warnings = [f"{where}: classes with a color that is not #RRGGBB: {', '.join(odd[:SHOWN])}{more}"] if odd else []
    modern, old = raw.get("tags") or [], [*(raw.get("tags_images") or []), *(raw.get("tags_objects") or [])]
    if modern and old:
        raise ProjectError(where, 'both "tags" and the old "tags_images"/"tags_objects" in it', "Keep one of the two")
    tags: dict[str, TagMeta] = {}
    for item in modern or old:
        tag = _parse_tag(item, where)
        if tag.name in tags and (modern or not tag.same_kind(tags[tag.name])):
            raise ProjectError(where, f"two tags named {tag.name!r}", "Rename or remove one of them")
        tags.setdefault(tag.name, tag)
    by_name: dict[str, ObjClass] = {}
    for item in classes:
        if item.name in by_name:
            raise ProjectError(where, f"two classes named {item.name!r}", "Rename or remove one of them")
        by_name[item.name] = item
    kind = raw.get("projectType") or "images"
    if kind != "images":
        raise ProjectError(where, f"a project of type {kind!r}", "Only projects of images have masks to export")
    return Meta(by_name, tags, kind, raw.get("projectSettings") or DEFAULT_SETTINGS, tuple(warnings))


def map_meta(meta: Meta, classes: ClassMapping, tags: ClassMapping, where: str) -> Meta:
    """The meta after a data layer's mappings. Raises ProjectError where a class is not covered or names clash."""
    renamed: dict[str, ObjClass] = {}
    for old in meta.classes.values():
        name = _target(old.name, classes, "classes_mapping", where)
        if name is None:
            continue
        first = renamed.setdefault(name, replace(old, name=name))
        if first.shape != old.shape:
            raise ProjectError(
                where,
                f"classes_mapping makes {name!r} of classes with shapes {first.shape!r} and {old.shape!r}",
                "Give them different names",
            )
    kept: dict[str, TagMeta] = {}
    for tag in meta.tags.values():
        name = _target(tag.name, tags, "tags_mapping", where)
        if name is None:
            continue
        if not kept.setdefault(name, replace(tag, name=name)).same_kind(tag):
            raise ProjectError(where, f"tags_mapping makes {name!r} of tags with other values", "Give them other names")
    return replace(meta, classes=renamed, tags=kept)


def _target(name: str, mapping: ClassMapping, key: str, where: str) -> str | None:
    """The new name of a class or tag, or None to drop it."""
    if mapping is None:
        return name
    target = mapping.get(name, mapping.get(OTHER))
    if target is None:
        raise ProjectError(where, f"{key} says nothing of {name!r}", f'Add it, or add "{OTHER}": "{KEEP}"')
    return None if target == IGNORE else name if target == KEEP else target


def names_after(names: Iterable[str], mapping: ClassMapping) -> dict[str, str | None]:
    """Old name -> new name or None (dropped), for the classes or tags of one project."""
    return {name: _target(name, mapping, "mapping", "project") for name in names}


def merge_metas(metas: Iterable[tuple[str, Meta]]) -> Meta:
    """One meta of several (where, meta): the first of a name wins. Raises ProjectError on other shapes or values."""
    classes: dict[str, ObjClass] = {}
    tags: dict[str, TagMeta] = {}
    first: Meta | None = None
    warnings: list[str] = []
    for where, meta in metas:
        first = first or meta
        warnings += meta.warnings
        for item in meta.classes.values():
            known = classes.setdefault(item.name, item)
            if known.shape != item.shape or (item.shape == "graph" and known.template != item.template):
                raise ProjectError(
                    where,
                    f"class {item.name!r} is {item.shape!r} here and {known.shape!r} in an earlier source"
                    + (" with another template" if known.shape == item.shape else ""),
                    "Rename it with classes_mapping in its data layer",
                )
        for tag in meta.tags.values():
            if not tags.setdefault(tag.name, tag).same_kind(tag):
                raise ProjectError(
                    where,
                    f"tag {tag.name!r} has another type or other values than in an earlier source",
                    "Rename it with tags_mapping in its data layer",
                )
    base = first or Meta({}, {})
    return replace(base, classes=classes, tags=tags, warnings=tuple(dict.fromkeys(warnings)))


def _parse_class(item: Any, where: str, odd: list[str]) -> ObjClass:
    if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("title", "shape", "color")):
        raise ProjectError(where, f"a class without title, shape or color: {item!r:.120}", "Give it all three, as text")
    name, raw = item["title"], dict(item)
    if not HEX_COLOR.fullmatch(item["color"]):
        raw["color"] = "#" + sha256(name.encode()).hexdigest()[:6].upper()
        odd.append(f"{name!r} ({item['color']!r}, {raw['color']} is used)")
    template = item.get("geometry_config") or {}
    if item["shape"] == "graph" and (wrong := wrong_template(template)):
        raise ProjectError(
            where,
            f"class {name!r} is a graph without a template to draw by: it {wrong}",
            'Add "geometry_config" with "nodes" and "edges"',
        )
    return ObjClass(name, item["shape"], template, raw)


def _parse_tag(item: Any, where: str) -> TagMeta:
    if isinstance(item, str):
        return TagMeta(item, "none", None, {"color": "#000000"})
    types = ("none", "any_number", "any_string", "oneof_string", "date")
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or item.get("value_type") not in types:
        raise ProjectError(where, f"a tag without name or value_type: {item!r:.120}", f"value_type is one of {types}")
    values = item.get("values")
    if (item["value_type"] == "oneof_string") != isinstance(values, list):
        raise ProjectError(where, f"tag {item['name']!r} and its values do not match", "Only oneof_string has values")
    if values is not None and not all(isinstance(value, str) for value in values):
        raise ProjectError(where, f"tag {item['name']!r} has values that are no text: {values!r:.120}", "Write texts")
    if values is None:
        return TagMeta(item["name"], item["value_type"], None, dict(item))
    return TagMeta(item["name"], item["value_type"], tuple(values), dict(item), frozenset(values))


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))  # noqa: FURB162  # so that "2024-02-29Z" is one, as in the SDK
    except ValueError:
        return False
    return True
