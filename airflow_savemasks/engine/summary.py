"""What an export came to, in two lines for a chat message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_savemasks.engine.progress import figures

LONGEST = 300  # letters of one line: names of items and warnings are as long as projects make them


def summary(result: Mapping[str, Any]) -> str:
    """Two lines: the outcome in figures, then where the archive is and what is remarkable about it.

    result: with `stages`. Each line is at most LONGEST letters and has no line end of a name in it.
    """
    place = str(result.get("link") or result["archive"])
    first = _line(f"{'Looked at' if result['unchanged'] else 'Exported'} {figures(result, by_stage=False)}")
    remarks = _remarks(result)
    return f"{first}\n{_line(' - '.join([place, *remarks]))}"


def _remarks(result: Mapping[str, Any]) -> list[str]:
    """What somebody may want to look at, the worst first."""
    skipped, warnings = result["skipped"], result["warnings"]
    told = []
    if skipped:
        first = skipped[0]
        told.append(f"{len(skipped)} skipped, first {first['item']}: {first['reason']}")
    if warnings:
        told.append(f"{len(warnings)} warning{'s' if len(warnings) != 1 else ''}, first: {warnings[0]}")
    if result["unannotated"]:
        told.append(f"{result['unannotated']} without an annotation")
    if result["orphans"]:
        told.append(f"{result['orphans']} annotations without a picture")
    return told


def _line(text: str) -> str:
    """On one line, and no longer than LONGEST."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
