"""The items to render, dealt out to batches: what one mapped task renders."""

from __future__ import annotations

from typing import Any

from airflow_savemasks.engine.parts.plan import PlanFiles


def make_batches(files: PlanFiles, most: int) -> list[dict[str, Any]]:
    """At most `most` batches of neighbouring items, alike in number; items that are finished are in none.

    Returns plain JSON, small whatever the project's size: {"plan": its name, "digest": of its items, "start", "size":
    bytes of the list of items to render, "first": number of the batch's first item in that list, "items", "label"}.
    There is at least one batch, if an empty one, so that what comes after the mapped task is not skipped.
    """
    todo = files.plan.todo
    count = max(1, min(most, todo))
    ends = [todo * (number + 1) // count for number in range(count)]
    batches: list[dict[str, Any]] = []
    first = start = size = 0
    for number, planned in enumerate(files.todo(), 1):
        size += len(planned.to_line())
        if number == ends[len(batches)]:
            batches.append(_batch(files, start, size, first, number - first))
            first, start, size = number, start + size, 0
    return batches or [_batch(files, 0, 0, 0, 0)]


def _batch(files: PlanFiles, start: int, size: int, first: int, items: int) -> dict[str, Any]:
    label = f"items {first + 1} to {first + items}" if items else "nothing to render"
    named = {"plan": files.plan.name, "digest": files.plan.digest}
    return {**named, "start": start, "size": size, "first": first, "items": items, "label": label}
