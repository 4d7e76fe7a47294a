"""Flags of the shell for the options of an export, made from their model; and the options as a file.

The rule: `name` is `--name`, with dashes; a choice takes one of its words, a number its unit, true or false is
`--name` and `--no-name`, and `--name-word` for a word that it may be, too; what may be false or any text is `--no-name`
and `--name TEXT`; an object is `--name` without the plural's s, once for each field (`--human alpha=0.3`,
`--pick classes=kiwi --pick classes=lemon`, `--split 'shares={"train": 0.8, "val": 0.2}'`). An option that only Airflow
obeys has no flag; the file may have it all the same, so that one file serves both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from pydantic.fields import FieldInfo

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.settings import describe, texts
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.uris import without_secrets


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each option, and --options. What is not given stays None: defaults stand in one place, the model."""
    group = parser.add_argument_group("options of the export", "Each may also stand in the file of --options.")
    group.add_argument(
        "--options",
        metavar="FILE",
        help="file or URI with options as one JSON object, - for standard input; flags win over it (default: none)",
    )
    for name, field in describe.IN_A_SHELL.items():
        _add_flag(group, name, field)
    limits = parser.add_argument_group("limits", "What --limit may name, with its default.")
    for name, field in Limits.model_fields.items():
        limits.description = f"{limits.description}\n{name}={field.default}: {field.description}"


def chosen(args: argparse.Namespace, read: Callable[[str], str]) -> Options:
    """The options that words and file say. read: path -> text.

    Raises SettingsError, which names the field, and the file where it stands in one.
    """
    in_file = from_file(args.options, read(args.options)) if args.options is not None else {}
    flags = {name: value for name in describe.IN_A_SHELL if (value := getattr(args, name)) is not None}
    for name, field in describe.IN_A_SHELL.items():
        if describe.is_object(field) and name in flags:
            given = texts.below(name, (_pair(name, text) for text in flags[name]))
            flags[name] = {**(in_file.get(name) or {}), **given}
    others = {name: value for name, value in in_file.items() if name not in flags}
    return Options(**{**others, **texts.from_texts(flags)})


def from_file(path: str, text: str) -> dict[str, Any]:
    """The options that a file's text gives, checked. path: for messages. Raises SettingsError."""
    path = without_secrets(path)
    example = 'Write one, such as {"on_bad_item": "skip", "limits": {"labels": 200000}}'
    try:
        given = json.loads(text, object_pairs_hook=texts.once)
    except (ValueError, RecursionError) as error:
        raise SettingsError(path, f"is no JSON ({error})", example) from error
    if not isinstance(given, Mapping):
        raise SettingsError(path, "is no JSON object", example)
    try:
        return Options(**given).model_dump(exclude_unset=True)
    except SettingsError as error:
        raise SettingsError(f"{path}, {error.where}", error.problem, error.fix) from None


def _add_flag(group: Any, name: str, field: FieldInfo) -> None:
    flag = _flag(name)
    default = describe.shown_in_shell(describe.default(field))
    text = f"{field.description} (default: {default})".replace("%", "%%")
    types = describe.kinds(field)
    if describe.is_object(field):
        group.add_argument(
            _object_flag(name), dest=name, action="append", metavar=_what(name), help=f"{text} May be given again."
        )
    elif bool in types and (words := describe.words(field)):
        either = group.add_mutually_exclusive_group()
        either.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        for word in words:
            either.add_argument(
                f"{flag}-{word}", dest=name, action="store_const", const=word, help=f"{name}={json.dumps(word)}"
            )
    elif bool in types and str in types:
        either = group.add_mutually_exclusive_group()
        no = f"--no-{flag.removeprefix('--')}"
        either.add_argument(no, dest=name, action="store_const", const=False, help=f"the same as {flag} false")
        either.add_argument(flag, metavar="NAME", help=text)
    elif bool in types:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
    elif choices := describe.choices(field):
        nothing = ("none",) if NoneType in types else ()
        group.add_argument(flag, choices=(*choices, *nothing), help=text)
    else:
        group.add_argument(flag, metavar=describe.unit(field).upper() or "N", help=text)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _object_flag(name: str) -> str:
    return _flag(name).removesuffix("s")


def _what(name: str) -> str:
    return "NAME=NUMBER" if name == "limits" else "NAME=VALUE"


def _pair(name: str, text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not field or not equals or (not value and name == "limits"):
        examples = {"limits": "labels=200000", "human": "alpha=0.3", "pick": "classes=kiwi", "gates": "min_items=100"}
        example = examples.get(name, "seed=2026")
        raise SettingsError(
            _object_flag(name), f"{text!r} is not {_what(name)}", f"Write one, such as {_object_flag(name)} {example}"
        )
    return field, value
