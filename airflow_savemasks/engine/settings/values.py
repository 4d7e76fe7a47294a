"""Checks of the values that options may have. Each returns the value as the option has it.

Those of the older options take what a template makes of a value, too ("3", "True"); the exact ones take the JSON type
and nothing else (more-masks, section 0), and `texts.py` turns a template's text into it. All raise the same error, with
fact and fix, as `wrong` makes it.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from airflow_savemasks.engine.limits import Limits

NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?")
MOST = 2**53  # above it JSON means another number to many readers
SHOWN = 60  # characters of a wrong value in a message
Wrong = tuple[str, str, str]  # what is wrong below the field, as ".name" or nothing; fact; fix


def is_nothing(value: Any) -> bool:
    """What templates make of a value that is not there."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))


def wrong(value: Any, fact: str, fix: str) -> PydanticCustomError:
    try:
        text = repr(value)
    except ValueError:  # a whole number with thousands of digits
        text = "a huge number"
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return PydanticCustomError("wrong", "wrong", {"wrongs": [("", f"{shown} {fact}", fix)]})


def as_number(value: Any) -> float | int | None:
    """A finite number as a number or as text; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if not NUMBER.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def whole(least: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        number = as_number(value)
        if number is None or number != int(number) or number < least:
            raise wrong(value, f"is no whole number from {least} on", "Write one, such as 4")
        if number > MOST:
            raise wrong(value, f"is above {MOST}", "Write a smaller one")
        return int(number)

    return check


def days(value: Any) -> float:
    number = as_number(value)
    if number is None or not 0 <= number <= 1e9:
        raise wrong(value, "is no number from 0 on", "Write days, such as 7 or 0.5")
    return float(number)


def flag(value: Any) -> bool:
    known = {"true": True, "false": False}
    if isinstance(value, str):
        value = known.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        raise wrong(value, "is neither true nor false", "Write true or false")
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        word = value.strip() if isinstance(value, str) else value
        if not isinstance(word, str) or word not in words:
            raise wrong(value, "is unknown", f"Choose of {list(words)}")
        return word

    return check


def strictness(value: Any) -> bool | str:
    if isinstance(value, str) and value.strip() == "all":
        return "all"
    try:
        return flag(value)
    except PydanticCustomError:
        raise wrong(value, "is neither true, false nor 'all'", "Write one of them") from None


def reuse(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise wrong(value, "is neither true, false nor the name of an archive", "Write one of them")
    name = value.strip()
    if name.lower() in ("true", "false"):
        return name.lower() == "true"
    odd = any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
    if odd or any(part.startswith((".", "/")) for part in PurePosixPath(name).parts):
        raise wrong(value, "cannot name an archive", "Write a name below Team Files, such as 'space 2026-01-01'")
    return name


def limits(value: Any) -> dict[str, int] | Limits:
    """A dict, or its JSON; what is not named or nothing keeps its default."""
    if isinstance(value, Limits):
        return value
    given = value
    if isinstance(value, str):
        try:
            given = json.loads(value)
        except (ValueError, RecursionError):
            given = None
    if not isinstance(given, dict):
        raise wrong(value, "is no JSON object", 'Write one, such as {"labels": 200000}')
    wrongs: list[Wrong] = []
    checked = {}
    for name, number in given.items():
        if name not in Limits.model_fields:
            wrongs.append((f".{name}", "there is no such limit", did_you_mean(str(name), Limits.model_fields)))
        elif not is_nothing(number):
            try:
                checked[name] = whole(1)(number)
            except PydanticCustomError as error:
                wrongs += [(f".{name}", fact, fix) for _, fact, fix in (error.context or {})["wrongs"]]
    if wrongs:
        raise PydanticCustomError("wrong", "wrong", {"wrongs": wrongs})
    return checked


def exact_word(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise wrong(value, "is unknown", f"Choose of {list(words)}")
        return value

    return check


def exact_word_or_nothing(*words: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if value is not None and not (isinstance(value, str) and value in words):
            raise wrong(value, "is unknown", f"Choose of {list(words)}, or null")
        return value

    return check


def exact_whole(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise wrong(value, f"is no whole number from {least} to {most}", f"Write one, such as {least}")
        return value

    return check


def exact_object(model: type[BaseModel], example: str, *, or_nothing: bool = False) -> Callable[[Any], Any]:
    """Only a JSON object, or null where that is allowed; the model then checks its fields."""

    def check(value: Any) -> Any:
        if isinstance(value, model) or (value is None and or_nothing):
            return value
        if not isinstance(value, dict):
            raise wrong(value, "is no JSON object", f"Write one, such as {example}")
        return {str(name): field for name, field in value.items()}

    return check


def exact_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(value, "is neither true nor false", "Write true or false")
    return value


def exact_text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(value, "is no text", 'Write a text, such as "2026"')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(value, "has half of a surrogate pair, which UTF-8 cannot write", "Write it whole") from None
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The fix for a name that is not known."""
    names = list(known)
    close = get_close_matches(name, names, 1)
    return f"Did you mean {close[0]!r}?" if close else f"Known are {names}"
