"""The manifest beside an archive: what is in it, and which byte range holds which part. Written last.

What is read back of it stands in published.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from airflow_savemasks.engine.archive.published import FORMAT, File, Placed
from airflow_savemasks.engine.tally import Tally


@dataclass(frozen=True, slots=True)
class Described:
    """What a manifest says of an export besides its files and parts, as plain JSON.

    settings: what was asked for; classes: of meta.json, each with name, shape and a color for each kind of mask; plan:
    its digest, that of its settings, and its window; unannotated, orphans: how many pictures have no annotation, and
    annotations no picture; versions: what decides the bytes besides the input.
    """

    settings: dict[str, Any]
    classes: list[dict[str, Any]]
    plan: dict[str, Any]
    unannotated: int
    orphans: int
    warnings: Sequence[str]
    versions: dict[str, str]


def to_json(
    described: Described,
    name: str,
    placed: Sequence[Placed],
    volumes: dict[str, tuple[int, str]],
    index: File,
    head: bytes,
) -> dict[str, Any]:
    """The manifest as JSON; totals are sums over the parts. head: the member meta.json that each volume begins with."""
    pixels: dict[str, int] = {}
    items: dict[str, int] = {}
    for part in placed:
        for sums, numbers in ((pixels, part.summary.pixels), (items, part.summary.labelled)):
            for key, number in numbers.items():
                sums[key] = sums.get(key, 0) + number
    return {
        "format": FORMAT,
        "name": name,
        "volumes": [{"file": file, "size": size, "identity": identity} for file, (size, identity) in volumes.items()],
        "index": index.model_dump(),
        "head": {"size": len(head), "sha256": sha256(head).hexdigest()},
        "settings": described.settings,
        "classes": [
            {**item, "items": items.get(item["name"], 0), "pixels": pixels.get(item["name"], 0)}
            for item in described.classes
        ],
        "totals": {
            "items": sum(part.summary.items for part in placed),
            "files": sum(part.summary.files for part in placed) + len(volumes),
            "labels": sum(part.summary.labels for part in placed),
            "bytes": sum(size for size, _ in volumes.values()),
            "skipped": sum(len(part.summary.skipped) for part in placed),
        },
        "unannotated": described.unannotated,
        "orphans": described.orphans,
        "skipped": [
            {"item": bad.item, "reason": f"{bad.place}: {bad.fact}"} for part in placed for bad in part.summary.skipped
        ],
        "warnings": [*described.warnings, *_undrawn(placed)],
        "plan": described.plan,
        "parts": [part.to_json() for part in placed],
        "versions": described.versions,
    }


def _undrawn(placed: Sequence[Placed]) -> list[str]:
    """One warning for all labels that no mask shows although their class has a color: their shape is unknown."""
    counts: Counter[str] = Counter()
    for part in placed:
        counts.update(part.summary.undrawn)
    names = Tally()
    for shape in sorted(counts):
        names.add(shape)
    total = sum(counts.values())
    return [f"{total} labels of unknown shapes, kept in their annotations and not drawn: {names}"] if total else []
