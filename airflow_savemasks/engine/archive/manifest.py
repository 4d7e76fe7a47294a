"""The manifest beside an archive: what is in it, and the proof of its index. Written last.

What is read back of it stands in published.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.archive.published import FORMAT
from airflow_savemasks.engine.archive.totals import Totals


@dataclass(frozen=True, slots=True)
class Described:
    """What a manifest says of an export besides its files and totals, as plain JSON.

    settings: what was asked for; classes: of meta.json, each with name, shape and a color for each kind of mask; plan:
    its digest, its name, the digest of its settings, and the largest volume asked for; items: how many were rendered,
    reused and skipped; gates: the figure of each beside its bound; speed: how fast items were rendered, None where that
    is not known; unannotated, orphans: how many pictures have no annotation, and annotations no picture; picked:
    whether pictures were left out, which are counted then;
    versions: what decides the bytes besides the input.
    """

    settings: dict[str, Any]
    classes: list[dict[str, Any]]
    plan: dict[str, Any]
    items: dict[str, int]
    gates: dict[str, Any]
    speed: dict[str, Any] | None
    unannotated: int
    orphans: int
    picked: bool
    warnings: Sequence[str]
    versions: dict[str, str]


def to_json(
    described: Described,
    name: str,
    totals: Totals,
    volumes: dict[str, tuple[int, str]],
    index: File,
    head: Sequence[tuple[str, bytes]],
    tail: Sequence[File] = (),
    root_files: Sequence[File] = (),
    splits: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The manifest as JSON.

    head: name and content of the files that each volume begins with, meta.json first; tail: members that the last one
    ends with; root_files: what lies beside the archive instead; splits: share -> its items, in the order of shares.
    """
    return {
        "format": FORMAT,
        "name": name,
        "volumes": [{"file": file, "size": size, "identity": identity} for file, (size, identity) in volumes.items()],
        "index": index.model_dump(),
        "head": _head(head),
        **({"tail": [file.model_dump(exclude={"identity"}) for file in tail]} if tail else {}),
        **({"root_files": [file.model_dump() for file in root_files]} if root_files else {}),
        "settings": described.settings,
        "classes": [
            {
                **item,
                "items": totals.labelled.get(item["name"], 0),
                "pixels": totals.pixels.get(item["name"], 0),
            }
            for item in described.classes
        ],
        "totals": {
            "items": totals.items,
            "files": totals.files + len(volumes) * len(head) + len(tail),
            "labels": totals.labels,
            "bytes": sum(size for size, _ in volumes.values()),
            "skipped": len(totals.skipped),
            **({"left_out": totals.left_out} if described.picked else {}),
        },
        "items": described.items,
        "gates": described.gates,
        **({"speed": described.speed} if described.speed else {}),
        **({"splits": splits} if splits else {}),
        "unannotated": described.unannotated,
        "orphans": described.orphans,
        "skipped": [
            {"item": one.bad.item, "reason": f"{one.bad.place}: {one.bad.fact}", "unread": one.unread}
            for one in totals.skipped
        ],
        "warnings": [*described.warnings, *totals.warnings()],
        "plan": described.plan,
        "versions": described.versions,
    }


def _head(files: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """What stands of the head: all of it together, and each file where there are several."""
    whole = b"".join(tar.whole_member(name, content) for name, content in files)
    each = [
        {"file": name, "size": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in files
        if len(files) > 1
    ]
    told = {"size": len(whole), "sha256": sha256(whole).hexdigest()}
    return told | ({"files": each} if each else {})
