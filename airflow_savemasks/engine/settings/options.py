"""How an export behaves, apart from what the layer says: one model for operator, task group, shell and Python."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import Limits

NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?")
SHOWN = 60  # characters of a wrong value in a message
Wrong = tuple[str, str, str]  # field, fact, fix


def _is_nothing(value: Any) -> bool:
    """What templates make of a value that is not there."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none", "null"))


def _wrong(value: Any, fact: str, fix: str) -> PydanticCustomError:
    try:
        text = repr(value)
    except ValueError:  # a whole number with thousands of digits
        text = "a huge number"
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return PydanticCustomError("wrong", "wrong", {"wrongs": [("", f"{shown} {fact}", fix)]})


def _number(value: Any) -> float | int | None:
    """A finite number as a number or as text; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if not NUMBER.fullmatch(text):
            return None
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _whole(least: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        number = _number(value)
        if number is None or number != int(number) or number < least:
            raise _wrong(value, f"is no whole number from {least} on", "Write one, such as 4")
        return int(number)

    return check


def _days(value: Any) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= 1e9:
        raise _wrong(value, "is no number from 0 on", "Write days, such as 7 or 0.5")
    return float(number)


def _flag(value: Any) -> bool:
    known = {"true": True, "false": False}
    if isinstance(value, str):
        value = known.get(value.strip().lower(), value)
    if not isinstance(value, bool):
        raise _wrong(value, "is neither true nor false", "Write true or false")
    return value


def _one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        word = value.strip() if isinstance(value, str) else value
        if not isinstance(word, str) or word not in words:
            raise _wrong(value, "is unknown", f"Choose of {list(words)}")
        return word

    return check


def _strictness(value: Any) -> bool | str:
    if isinstance(value, str) and value.strip() == "all":
        return "all"
    try:
        return _flag(value)
    except PydanticCustomError:
        raise _wrong(value, "is neither true, false nor 'all'", "Write one of them") from None


def _reuse(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _wrong(value, "is neither true, false nor the name of an archive", "Write one of them")
    name = value.strip()
    if name.lower() in ("true", "false"):
        return name.lower() == "true"
    if any(part.startswith((".", "/")) for part in PurePosixPath(name).parts):
        raise _wrong(value, "cannot name an archive", "Write a name below Team Files, such as 'space 2026-01-01'")
    return name


def _limits(value: Any) -> dict[str, int] | Limits:
    """A dict, or its JSON; what is not named or nothing keeps its default."""
    if isinstance(value, Limits):
        return value
    given = value
    if isinstance(value, str):
        try:
            given = json.loads(value)
        except ValueError:
            given = None
    if not isinstance(given, dict):
        raise _wrong(value, "is no JSON object", 'Write one, such as {"labels": 200000}')
    wrongs: list[Wrong] = []
    checked = {}
    for name, number in given.items():
        if name not in Limits.model_fields:
            wrongs.append((f".{name}", "there is no such limit", _did_you_mean(str(name), Limits)))
        elif not _is_nothing(number):
            try:
                checked[name] = _whole(1)(number)
            except PydanticCustomError as error:
                wrongs += [(f".{name}", fact, fix) for _, fact, fix in (error.context or {})["wrongs"]]
    if wrongs:
        raise PydanticCustomError("wrong", "wrong", {"wrongs": wrongs})
    return checked


Flag = Annotated[bool, BeforeValidator(_flag)]
FromZero = Annotated[int, BeforeValidator(_whole(0)), Field(ge=0)]
FromOne = Annotated[int, BeforeValidator(_whole(1)), Field(ge=1)]
Days = Annotated[float, BeforeValidator(_days), Field(ge=0, le=1e9)]


class Options(BaseModel):
    """All JSON types, so that they pass through an operator, a mapped task and a shell alike.

    Each may be given as the text that a template makes of it: "3", "True"; "", "none" and null are the default.
    `Options(**given)` raises SettingsError, with all that is wrong in it.

    The operator's template fields, the shell's flags and help (engine/settings/describe.py) and the README's table
    come from here. `unit` is what a number counts; what is `airflow_only` has no meaning, and no flag, in a shell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine_png: Annotated[Literal["auto", "rgb"], BeforeValidator(_one_of("auto", "rgb"))] = Field(
        "auto",
        description='"auto" writes gray PNGs if all machine colours are gray; "rgb" writes three channels always.',
    )
    strict_colors: Annotated[bool | Literal["all"], BeforeValidator(_strictness)] = Field(
        False,
        description="Doubtful colours (black, shared, of classes that a mapping leaves out) are errors, not warnings; "
        '"all" counts classes without a colour, too.',
    )
    unknown_colors: Annotated[Literal["error", "warn"], BeforeValidator(_one_of("error", "warn"))] = Field(
        "warn",
        description="What a colour for a class that no source has is, and an export in which nothing is drawn though "
        'there are labels; "warn", as the original does, serves several projects with one layer.',
    )
    on_bad_item: Annotated[Literal["fail", "skip"], BeforeValidator(_one_of("fail", "skip"))] = Field(
        "fail",
        description='"fail" publishes nothing if there are bad items; "skip" leaves them out, and lists them in '
        "manifest and result.",
    )
    max_skipped: FromZero = Field(
        100, description="More skipped items than this fail the export.", json_schema_extra={"unit": "items"}
    )
    retry_bad_items: Flag = Field(
        False,
        description="False makes Airflow fail at once for bad items; True retries them, as data may be mended.",
        json_schema_extra={"airflow_only": True},
    )
    if_exists: Annotated[
        Literal["replace", "fail", "rename"], BeforeValidator(_one_of("replace", "fail", "rename"))
    ] = Field(
        "replace",
        description='What happens to an archive of that name; "rename" takes the first free of _000, _001, ....',
    )
    reuse: Annotated[bool | str, BeforeValidator(_reuse)] = Field(
        True,
        description="False renders every item again; a name is that of an earlier archive to take items from, too.",
    )
    workers: FromOne | None = Field(
        None,
        description="Threads that render, or processes where there are many small pictures; one a core without it.",
        json_schema_extra={"unit": "threads"},
    )
    volume_size: FromOne | None = Field(
        None,
        description="Bytes after which the archive goes on in another volume (-00002.tar), each of which opens alone.",
        json_schema_extra={"unit": "bytes"},
    )
    keep_parts_days: Days = Field(
        7.0,
        description="What exports that never ended left is removed after so many days.",
        json_schema_extra={"unit": "days"},
    )
    limits: Annotated[Limits, BeforeValidator(_limits)] = Field(
        Limits(),
        description='What an input may take at most of memory and time, such as {"labels": 200000}; what is not named '
        "keeps its default (docs/reliability.md).",
    )

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _refusal(error) from None

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if not (name in cls.model_fields and _is_nothing(value))}


def _refusal(error: ValidationError) -> SettingsError:
    wrongs = [wrong for details in error.errors(include_url=False) for wrong in _wrongs(details)]
    if len(wrongs) == 1:
        return SettingsError(*wrongs[0])
    lines = "\n".join(f"  {name}: {fact}. {fix}" for name, fact, fix in wrongs)
    return SettingsError("options", f"{len(wrongs)} of them are wrong:\n{lines}\n", "Correct them all")


def _wrongs(details: ErrorDetails) -> list[Wrong]:
    name = str(details["loc"][0]) if details["loc"] else "options"
    if details["type"] == "extra_forbidden":
        return [(name, "there is no such option", _did_you_mean(name, Options))]
    if details["type"] == "wrong":
        return [(f"{name}{below}", fact, fix) for below, fact, fix in details["ctx"]["wrongs"]]
    return [(name, str(details["msg"]), f"See {name} in the README's table")]


def _did_you_mean(name: str, model: type[BaseModel]) -> str:
    close = get_close_matches(name, model.model_fields, 1)
    return f"Did you mean {close[0]!r}?" if close else f"Known are {list(model.model_fields)}"
