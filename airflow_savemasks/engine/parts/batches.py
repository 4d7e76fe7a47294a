"""Parts to batches: what one worker renders in one task. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow_savemasks.engine.parts.plan import Plan


def make_batches(plan: Plan, finished: Collection[str], most: int) -> list[dict[str, Any]]:
    """At most `most` batches of neighbouring parts, alike in items; parts whose digest is finished are left out.

    Returns plain JSON, small whatever the project's size: {"plan": digest, "parts": [[first, last], ...], "label"}.
    There is at least one batch, if an empty one, so that what comes after the mapped task is not skipped.
    """
    todo = [number for number, part in enumerate(plan.parts) if part.digest not in finished]
    items = sum(plan.parts[number].items for number in todo)
    batches: list[list[int]] = [[]]
    held = 0
    for number in todo:
        if batches[-1] and held >= items * len(batches) / most:
            batches.append([])
        batches[-1].append(number)
        held += plan.parts[number].items
    return [{"plan": plan.digest, "parts": _runs(batch), "label": _label(plan, batch)} for batch in batches]


def _runs(numbers: list[int]) -> list[list[int]]:
    """[3, 4, 5, 9] -> [[3, 5], [9, 9]]"""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def _label(plan: Plan, batch: list[int]) -> str:
    if not batch:
        return "nothing to render"
    items = sum(plan.parts[number].items for number in batch)
    parts = f"part {batch[0]}" if len(batch) == 1 else f"parts {batch[0]} to {batch[-1]}"
    return f"{parts}, {items} items"
