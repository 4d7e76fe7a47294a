"""What a result tells of an archive's content: its sources with what was listed of them, its classes."""

from __future__ import annotations

from typing import Any

from airflow_savemasks.engine.job import Job

MOST_CLASSES = 200  # told in a result, which stays small: the manifest has all


def listed(job: Job) -> list[dict[str, Any]]:
    """For each source {"uri", "items", "bytes"}, as the process that planned has listed it; plain JSON.

    uri: without what may be secret; bytes: of pictures and annotations, as far as the source tells them before they are
    read. Two inputs of one source are one.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in job.inputs:
        one = found.setdefault(entry.source.uri, {"uri": entry.source.uri, "items": 0, "bytes": 0})
        one["items"] += entry.listed.items
        one["bytes"] += entry.listed.bytes
    return list(found.values())


def classes_of(raw: dict[str, Any]) -> dict[str, Any]:
    """{"classes": name -> how many items show it, in the order of meta.json; "class_count": how many are shown at all}.

    raw: a manifest. Of more than MOST_CLASSES those on the most items.
    """
    shown = {one["name"]: one["items"] for one in raw["classes"] if one["items"]}
    most = set(sorted(shown, key=lambda name: -shown[name])[:MOST_CLASSES])
    return {"classes": {name: count for name, count in shown.items() if name in most}, "class_count": len(shown)}
