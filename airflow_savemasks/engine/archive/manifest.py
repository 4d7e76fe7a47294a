"""The manifest beside an archive: what is in it, and which byte range holds which part. Written last.

What is read back of it stands in published.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from airflow_savemasks.engine.archive.published import FORMAT, File, Placed
from airflow_savemasks.engine.job import Job, renderer
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.project.remarks import Tally


def to_json(
    job: Job,
    plan: Plan,
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
    machine, human = job.colors.machine or {}, job.colors.human or {}
    return {
        "format": FORMAT,
        "name": name,
        "volumes": [{"file": file, "size": size, "identity": identity} for file, (size, identity) in volumes.items()],
        "index": index.model_dump(),
        "head": {"size": len(head), "sha256": sha256(head).hexdigest()},
        "settings": {
            "masks_machine": job.layer.masks_machine,
            "masks_human": job.layer.masks_human,
            "gt_machine_color": job.layer.machine_colors,
            "gt_human_color": job.layer.human_colors,
            "machine_png": "gray" if job.colors.gray else "rgb",
            "sources": [entry.source.uri for entry in job.inputs],
        },
        "classes": [
            {
                "name": item.name,
                "shape": item.shape,
                "machine": machine.get(item.name),
                "human": human.get(item.name),
                "items": items.get(item.name, 0),
                "pixels": pixels.get(item.name, 0),
            }
            for item in job.meta.classes.values()
        ],
        "totals": {
            "items": sum(part.summary.items for part in placed),
            "files": sum(part.summary.files for part in placed) + len(volumes),
            "labels": sum(part.summary.labels for part in placed),
            "bytes": sum(size for size, _ in volumes.values()),
            "skipped": sum(len(part.summary.skipped) for part in placed),
        },
        "unannotated": plan.unannotated,
        "orphans": plan.orphans,
        "skipped": [
            {"item": bad.item, "reason": f"{bad.place}: {bad.fact}"} for part in placed for bad in part.summary.skipped
        ],
        "warnings": [*plan.warnings, *_undrawn(placed)],
        "plan": {"digest": plan.digest, "settings": plan.settings, "window": plan.window},
        "parts": [part.to_json() for part in placed],
        "versions": renderer(),
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
