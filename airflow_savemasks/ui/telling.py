"""What the page is told, as plain JSON: the task, the export's own figures, classes, items."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_savemasks.engine.settings.color_forms import HEX, from_hex
from airflow_savemasks.ui.deliver import MARK

if TYPE_CHECKING:
    from airflow_savemasks.engine.reading.item import ArchiveItem
    from airflow_savemasks.ui.access import TaskRecord
    from airflow_savemasks.ui.shelf import Shown

UNDER_WAY = frozenset(("queued", "scheduled", "running", "restarting", "deferred", "up_for_retry", "up_for_reschedule"))
FIGURES = ("items", "unchanged", "files", "bytes", "seconds", "unannotated", "orphans")
PLANNED = ("would_write", "unchanged", "items", "added", "removed", "labels", "bytes", "seconds", "classes")
FILE_OF_LABEL = "instances/"  # how the kinds of those files begin, of which an item may have thousands
VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


def task(record: TaskRecord) -> dict[str, Any]:
    """under_way: whether the task may still have something to say."""
    return {
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "task_id": record.task_id,
        "map_index": record.map_index,
        "label": record.label,
        "state": record.state,
        "try_number": record.try_number,
        "operator": record.operator,
        "started": record.started,
        "ended": record.ended,
        "under_way": record.state is None or record.state in UNDER_WAY,
    }


def summary(record: TaskRecord) -> dict[str, Any]:
    """What the task returned; result: None for a task without an archive; plan: of one that only planned."""
    result = record.result if isinstance(record.result, dict) else {}
    made = record.ours and isinstance(result.get("archive"), str)
    return {
        "task": task(record),
        "ours": record.ours,
        "progress": record.progress,
        "result": {
            **{name: result.get(name) for name in FIGURES},
            "archive": result["archive"],
            "warnings": grouped(_listed(result.get("warnings"))),
            "skipped": len(_listed(result.get("skipped"))),
        }
        if made
        else None,
        "plan": {
            **{name: result.get(name) for name in PLANNED},
            "would_fail": [str(reason) for reason in _listed(result.get("would_fail"))],
            "warnings": grouped(_listed(result.get("warnings"))),
        }
        if record.ours and result.get("dry_run")
        else None,
    }


def archive(record: TaskRecord, shown: Shown) -> dict[str, Any]:
    """What the manifest says. replaced: whether the archive is another one than the task's result tells of; own: a
    class's colour in semantic masks, where there are any.
    """
    raw = shown.archive.manifest
    own = _own_colors(shown) if shown.archive.options.get("semantic") else {}
    pixels = sum(one["pixels"] for one in raw["classes"]) or 1
    result = record.result
    differs = (result.get("bytes"), result.get("files")) != (raw["totals"]["bytes"], raw["totals"]["files"])
    return {
        "name": shown.name,
        "items": len(shown.archive),
        "labels": raw["totals"]["labels"],
        "digest": shown.archive.seal,
        "plan": raw["plan"]["digest"],
        "skipped": len(raw["skipped"]),
        "volumes": [{"file": one["file"], "bytes": one["size"]} for one in raw["volumes"]],
        "replaced": differs,
        "human": bool(raw["settings"].get("masks_human")),
        "machine": bool(raw["settings"].get("masks_machine")),
        "options": shown.archive.options,
        "splits": shown.archive.splits,
        "left_out": raw["totals"].get("left_out"),
        "classes": [
            {name: one.get(name) for name in ("name", "shape", "human", "machine", "items", "pixels")}
            | {"share": one["pixels"] / pixels, "own": own.get(one["name"])}
            for one in raw["classes"]
        ],
    }


def item(one: ArchiveItem, *, whole: bool = False) -> dict[str, Any]:
    """files: kind -> name, size, and the mark of its URL. whole: with what there is of each label, too; else `more`
    says whether there is any.
    """
    kinds = [kind for kind in one.files if whole or not kind.startswith(FILE_OF_LABEL)]
    found = {kind: member for kind in kinds if (member := one.member(kind)) is not None}
    return {
        "number": one.number,
        "name": one.name,
        "dataset": one.dataset,
        "height": one.shape[0],
        "width": one.shape[1],
        "labels": one.labels,
        "pixels": one.pixels,
        "split": one.split,
        "more": not whole and bool(one.visible or len(kinds) < len(one.files)),
        "visible": one.visible if whole else [],
        "files": {
            kind: {"name": member.name, "bytes": member.size, "mark": member.sha256[:MARK]}
            for kind, member in found.items()
        },
    }


def _own_colors(shown: Shown) -> dict[str, Any]:
    """Class name -> [R, G, B] of meta.json."""
    classes = shown.archive.meta["classes"]
    return {one["title"]: from_hex(one["color"]) for one in classes if HEX.fullmatch(str(one.get("color")))}


def _listed(value: Any) -> list[Any]:
    """A list of a result, which somebody else may have written."""
    return value if isinstance(value, list) else []


def grouped(warnings: Iterable[Any]) -> list[dict[str, Any]]:
    """Warnings that differ only in names and numbers stand together: the first one's text, and all of them."""
    groups: dict[str, list[str]] = {}
    for warning in warnings:
        groups.setdefault(VARIES.sub("…", str(warning)), []).append(str(warning))
    return [{"text": texts[0], "count": len(texts), "all": texts} for texts in groups.values()]
