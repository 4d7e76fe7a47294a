"""Options as texts, which is what templates, and the words of a shell, make of every value."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings import describe
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.settings.values import is_nothing

T = TypeVar("T")


def from_texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options whose values may be texts: those that take JSON types only get what the text means.

    "" and "none" are the default, and so is None where a signature has that for it. A text that means nothing of the
    kind stays, for the model to refuse it.
    """
    found = {}
    for name, value in given.items():
        field = describe.FIELDS.get(name)
        if field is None or not describe.exact(field):
            found[name] = value
        elif isinstance(value, str):
            if not is_nothing(value):
                found[name] = _meant(value.strip(), str in describe.kinds(field))
        elif value is not None or describe.default(field) is not None:
            found[name] = value
    return found


def checked(given: Mapping[str, Any]) -> Options:
    """The options that these values, or their texts, say. Raises SettingsError."""
    return Options(**from_texts(given))


def argument(name: str, check: Callable[[Any], T], value: Any) -> T:
    """An argument that is no option, checked as one. Raises SettingsError."""
    try:
        return check(value)
    except PydanticCustomError as error:
        ((_, fact, fix),) = (error.context or {})["wrongs"]
        raise SettingsError(name, fact, fix) from None


def below(name: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """An object's fields from pairs of field and text, as the words of a shell give them: `alpha`, `0.3`.

    A text stays one, a list gets one more element each time ("kiwi"), all else is JSON. name: of the option.
    """
    model = describe.model(describe.FIELDS[name])
    assert model is not None
    found: dict[str, Any] = {}
    for key, text in pairs:
        field = model.model_fields.get(key)
        kinds = describe.kinds(field) if field else (str,)
        if not describe.exact(describe.FIELDS[name]) or (str in kinds and not _is_list(field)):
            found[key] = text
        elif _is_list(field) and not text.lstrip().startswith(("[", "{")):
            found[key] = [*found.get(key, []), text]
        else:
            found[key] = _meant(text, is_word=False)
    return found


class Twice(ValueError):
    """A JSON object has a name twice: neither of its values can be meant."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object of pairs, for `json.loads`. Raises Twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Twice(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _is_list(field: FieldInfo | None) -> bool:
    return field is not None and get_origin(field.annotation) is tuple


def _meant(text: str, is_word: bool) -> Any:
    """JSON, or Python's way to write it, which is what Jinja makes of an object: {'alpha': 0.3}, True."""
    if is_word:
        return text
    try:
        return json.loads(text, object_pairs_hook=once)
    except Twice:
        return text
    except (ValueError, RecursionError):
        pass  # Python's way, then
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
