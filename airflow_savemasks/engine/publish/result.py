"""What a result tells of an archive: where it is and what is in it, its sources with what was listed of them."""

from __future__ import annotations

from typing import Any

from airflow_savemasks.engine.archive.naming import index_path, manifest_path, volume_names
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.storage.base import Storage

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


def result_of(
    team_files: Storage,
    name: str,
    raw: dict[str, Any],
    digest: str,
    seconds: float,
    more_warnings: list[str],
    *,
    unchanged: bool,
) -> dict[str, Any]:
    """The result of an export that published, or found the same, as far as Team Files tell it (documents/).

    raw: the manifest, with the items of this run; digest: of the manifest's bytes.
    """
    volumes = volume_names(name, len(raw["volumes"]))
    result = {
        "archive": team_files.locate(volumes[0]),
        "manifest": team_files.locate(manifest_path(name)),
        "index": team_files.locate(index_path(name)),
        "manifest_sha256": digest,
        "items": raw["items"],
        "unchanged": unchanged,
        **classes_of(raw),
        "skipped": [{"item": one["item"], "reason": one["reason"]} for one in raw["skipped"]],
        "files": raw["totals"]["files"],
        "bytes": raw["totals"]["bytes"],
        "seconds": round(seconds, 3),
        "unannotated": raw["unannotated"],
        "orphans": raw["orphans"],
        "warnings": [*raw["warnings"], *more_warnings],
    }
    if "left_out" in raw["totals"]:
        result["left_out"] = raw["totals"]["left_out"]
    if link := team_files.link(volumes[0]):
        result["link"] = link
    if len(volumes) > 1:
        result["volumes"] = [team_files.locate(file) for file in volumes]
    return result
