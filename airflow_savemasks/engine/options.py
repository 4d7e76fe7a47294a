"""How an export behaves, apart from what the layer says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from airflow_savemasks.engine.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Options:
    """All JSON types, so that they pass through an operator, a mapped task and a shell alike.

    machine_png: "rgb" forces three channels where all machine colours are gray.
    strict_colors: mistakes in colours are errors, not warnings.
    on_bad_item, max_skipped: "skip" leaves out at most so many bad items and lists them; "fail" publishes nothing.
    if_exists: what happens to an archive of that name; "rename" takes the first free of `_000`, `_001`, ...
    reuse: False renders every part again; a text names an earlier archive to take unchanged parts from, too.
    workers: threads that render, None for one a core.
    volume_size: bytes after which the archive goes on in another volume, None for one archive.
    keep_parts_days: finished parts of exports that never ended are removed after so many days.
    """

    machine_png: Literal["auto", "rgb"] = "auto"
    strict_colors: bool = False
    on_bad_item: Literal["fail", "skip"] = "fail"
    max_skipped: int = 100
    if_exists: Literal["replace", "fail", "rename"] = "replace"
    reuse: bool | str = True
    workers: int | None = None
    volume_size: int | None = None
    keep_parts_days: float = 7.0

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            value, hint = getattr(self, field.name), hints[field.name]
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise SettingsError(field.name, f"{value!r} is unknown", f"Choose of {list(get_args(hint))}")
            if field.name == "reuse" and not isinstance(value, bool | str):
                raise SettingsError("reuse", f"{value!r} is neither true, false nor a name", "Write one of them")
            if hint is bool and not isinstance(value, bool):
                raise SettingsError(field.name, f"{value!r} is not true or false", "Write true or false")
        for name, least in (("max_skipped", 0), ("workers", 1), ("volume_size", 1), ("keep_parts_days", 0)):
            number: Any = getattr(self, name)
            if number is None and name in ("workers", "volume_size"):
                continue
            if isinstance(number, bool) or not isinstance(number, int | float) or number < least:
                raise SettingsError(name, f"{number!r} is too small or no number", f"Write a number from {least} on")
