"""Takes people out of what is published: annotations and meta.json. Rules: more-masks, section 13. Pure."""

from __future__ import annotations

from typing import Any

from airflow_savemasks.engine.geometry.base import Json

PEOPLE = frozenset(
    """labelerLogin labelerId createdBy createdById createdByLogin createdByUser updatedBy updatedById updatedByLogin
    updatedByUser userId userLogin managerLogin reviewerId reviewerLogin""".split()
)


def redact_annotation(document: Json) -> Json:
    """An annotation without the keys of PEOPLE where the format, or an older one, has them; else as it was."""
    out = _each(_without(document), "tags", _without)
    out = _each(out, "objects", _with_tags)
    custom = out.get("customBigData")
    if isinstance(custom, dict):
        cleaned = _each(_each(custom, "probabilityLabels", _with_tags), "probabilityClasses", _without)
        if cleaned is not custom:
            out = {**out, "customBigData": cleaned}
    return out


def redact_meta(document: Json) -> Json:
    """meta.json without them, in itself, its classes and its tags."""
    return _each(_each(_without(document), "classes", _without), "tags", _without)


def _without(value: Any) -> Any:
    """An object without the keys; anything else as it is. The order of what stays is kept."""
    if not isinstance(value, dict) or PEOPLE.isdisjoint(value):
        return value
    return {key: inside for key, inside in value.items() if key not in PEOPLE}


def _with_tags(value: Any) -> Any:
    cleaned = _without(value)
    return _each(cleaned, "tags", _without) if isinstance(cleaned, dict) else cleaned


def _each(document: Json, key: str, clean: Any) -> Json:
    """The object with each element of a list in it cleaned; itself where nothing is to be cleaned."""
    values = document.get(key)
    if not isinstance(values, list):
        return document
    cleaned = [clean(value) for value in values]
    if all(new is old for new, old in zip(cleaned, values, strict=True)):
        return document
    return {**document, key: cleaned}
