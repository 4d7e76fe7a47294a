"""What a person reads of a plan, of work folders and of a diff: a few lines, and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.archive.bad_items import BadItems
from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.progress import human_size
from airflow_savemasks.shell.screen import Screen
from airflow_savemasks.shell.text import on_a_line

WIDEST = 60  # characters of a column but the last one
NOTHING = "-"


def show_forecast(screen: Screen, told: dict[str, Any]) -> None:
    """Everything but the bad items one by one. told: the result of a dry run."""
    items = told["items"]
    fate = "stays as it is" if told["unchanged"] else "would be replaced" if told["replaces"] else "would be new"
    screen.say(f"{told['would_write']} {fate}")
    whole = items["rendered"] + items["reused"]
    parts = f"{items['rendered']} to render, {items['reused']} reused"
    bad = f", {items['skipped']} bad" if items["skipped"] else ""
    out = f", {told['left_out']} left out by pick" if told.get("left_out") else ""
    screen.say(f"{whole} items: {parts}{bad}{out}; {told['added']} added, {told['removed']} removed")
    screen.say(f"{told['labels']} labels; {told['unlabelled']} items without a label")
    screen.say(f"{_size(told['bytes'])}, {_time(told['seconds'])}")
    kinds = [kind for kind in ("machine", "human") if told["classes"] and kind in told["classes"][0]]
    rows = (
        [one["name"], str(one["items"]), str(one["labels"]), *(_color(one[kind]) for kind in kinds)]
        for one in told["classes"]
    )
    _table(screen, ["class", "items", "labels", *kinds], rows)
    if told["renamed"]:
        rows = ([one["item"], one["becomes"]] for one in told["renamed_items"])
        _table(screen, ["name that clashes", "becomes"], rows, told["renamed"])
    if told["removed"]:
        _table(screen, ["removed"], ([name] for name in told["removed_items"]), told["removed"])
    for warning in told["warnings"]:
        screen.say(f"warning: {warning}", "yellow")
    for reason in told["would_fail"]:
        screen.say(f"would fail: {reason}", "red")


def show_bad_items(screen: Screen, bad: BadItems) -> None:
    """All of them, a row each."""
    if bad.count:
        rows = ([one["item"], one["fact"], one["fix"]] for one in map(json.loads, bad.lines()))
        _table(screen, ["bad item", "fact", "fix"], rows)


def show_folders(screen: Screen, folders: Sequence[dict[str, Any]]) -> None:
    """Work folders, a row each."""
    rows = []
    for one in folders:
        size, age = human_size(one["bytes"]), f"{one['age_days']:.1f}"
        rows.append([one["folder"], one["archive"] or NOTHING, str(one["files"]), size, age, one["fate"]])
    if folders:
        _table(screen, ["work folder", "archive", "files", "size", "days", ""], rows)


def show_diff(screen: Screen, told: dict[str, Any]) -> None:
    """What changed from one archive to another. told: as `Diff.to_json` gives it."""
    items = told["items"]
    screen.say(f"{told['old']} -> {told['new']}")
    changes = ", ".join(f"{items[name]} {name}" for name in ("added", "removed", "changed", "same"))
    screen.say(f"{items['before']} -> {items['after']} items: {changes}")
    rows = (
        [one["name"], *(_or_nothing(count) for count in one["items"]), *(_percent(share) for share in one["share"])]
        for one in told["classes"]
    )
    _table(screen, ["class", "items before", "after", "share of pixels before", "after"], rows)
    if told["most_changed"]:
        rows = ([one["item"], _percent(one["moved"]), ", ".join(one["what"])] for one in told["most_changed"])
        _table(screen, ["changed most", "of its pixels", "what"], rows, items["changed"])


def write_bad_items(path: str, bad: BadItems) -> None:
    """All of them, a line of JSON each. Raises SettingsError where the file cannot be written."""
    try:
        with Path(path).open("wb") as file:
            file.writelines(bad.lines())
    except OSError as error:
        fact = f"cannot be written ({error.strerror or error})"
        raise SettingsError(f"--bad-items {path}", fact, "Name another place") from None


def _table(screen: Screen, head: Sequence[str], rows: Iterable[Sequence[str]], count: int = 0) -> None:
    """Rows below a head, each column as wide as its widest cell. count: how many there are, the first of them given."""
    cells = [list(head), *([on_a_line(cell) for cell in row] for row in rows)]
    widths = [min(WIDEST, max(len(row[column]) for row in cells)) for column in range(len(head))]
    screen.say("")
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        screen.say("  ".join(padded).rstrip())
    if count > len(cells) - 1:
        screen.say(f"... and {count - len(cells) + 1} more")


def _color(color: Any) -> str:
    return NOTHING if color is None else ",".join(map(str, color)) if isinstance(color, list | tuple) else str(color)


def _or_nothing(count: int | None) -> str:
    return NOTHING if count is None else str(count)


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.2f} %"


def _size(size: int | None) -> str:
    return "size unknown: no archive of this name is there yet" if size is None else f"about {human_size(size)}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "time unknown: no export of this name has rendered anything yet"
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} minutes"
