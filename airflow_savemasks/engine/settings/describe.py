"""What the model of the options says of each of them, for those who show or ask for them."""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from airflow_savemasks.engine.settings.options import Options

Described = dict[str, FieldInfo]  # name of an option -> its field

FIELDS: Described = dict(Options.model_fields)
IN_A_SHELL: Described = {
    name: field
    for name, field in FIELDS.items()
    if not (field.json_schema_extra or {}).get("airflow_only")  # type: ignore[union-attr]
}


def kinds(field: FieldInfo) -> tuple[Any, ...]:
    """The types that a value may have, NoneType among them: (bool,), (int, NoneType), (str,) for a choice of texts."""
    types = _members(field.annotation)
    return tuple(dict.fromkeys(str if get_origin(kind) is Literal else kind for kind in types))


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The texts that may be given where nothing else may, but null; () for all others."""
    allowed = [kind for kind in _members(field.annotation) if kind is not NoneType]
    return words(field) if len(allowed) == 1 and get_origin(allowed[0]) is Literal else ()


def words(field: FieldInfo) -> tuple[str, ...]:
    """The texts that may be given beside true and false."""
    literals = [kind for kind in _members(field.annotation) if get_origin(kind) is Literal]
    return tuple(word for literal in literals for word in get_args(literal))


def unit(field: FieldInfo) -> str:
    """What a number counts ("bytes"), or ""."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def exact(field: FieldInfo) -> bool:
    """Whether only the JSON type is taken, and no text in its place."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("exact"))


def model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a value that is a JSON object."""
    return next((kind for kind in kinds(field) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def is_object(field: FieldInfo) -> bool:
    """Whether a value is a JSON object: a model of its own."""
    return model(field) is not None


def default(field: FieldInfo) -> Any:
    """The default as JSON has it; None for an object, of which nothing has to be named."""
    return None if is_object(field) else field.default


def default_in_a_dag(field: FieldInfo) -> Any:
    """The default of the operator's argument: another one where nobody reads what a green task says."""
    extra = field.json_schema_extra
    return extra.get("in_a_dag", default(field)) if isinstance(extra, dict) else default(field)


def shown_in_shell(value: Any) -> str:
    """A default in a help text: `true`, `7`, `none`, and a text as it is typed."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def shown_in_python(value: Any) -> str:
    """A default as Python's source has it, with double quotes."""
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _members(annotation: Any) -> tuple[Any, ...]:
    """The types in a union, without what Annotated adds to them."""
    if get_origin(annotation) is Literal:
        return (annotation,)
    if hasattr(annotation, "__metadata__"):
        return _members(get_args(annotation)[0])
    parts = get_args(annotation)
    return tuple(kind for part in parts for kind in _members(part)) if parts else (annotation or NoneType,)
