"""The manifest beside an archive: what is in it, and which byte range holds which part. Written last.

`read_manifest` gives the manifest of an earlier archive only if the archive is still the one that it was written for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from airflow_savemasks.engine.job import Job, renderer
from airflow_savemasks.engine.parts import Summary
from airflow_savemasks.engine.plan import Plan
from airflow_savemasks.engine.storage import Storage

FORMAT = 1


def manifest_path(name: str) -> str:
    return f"{name}.manifest.json"


def index_path(name: str) -> str:
    return f"{name}.index.jsonl"


@dataclass(frozen=True, slots=True)
class Placed:
    """A part in a published archive: `summary.size` bytes at `offset` of the tar `volume`; its lines of the index."""

    summary: Summary
    archive: str
    volume: str
    offset: int
    index_offset: int
    index_size: int

    def to_json(self) -> dict[str, Any]:
        place = {"volume": self.volume, "offset": self.offset}
        return self.summary.to_json() | place | {"index_offset": self.index_offset, "index_size": self.index_size}

    @classmethod
    def from_json(cls, raw: dict[str, Any], archive: str) -> Placed:
        place = [raw.pop(key) for key in ("volume", "offset", "index_offset", "index_size")]
        return cls(Summary.from_json(raw), archive, *place)


@dataclass(frozen=True, slots=True)
class Published:
    """An archive that lies in Team Files: its manifest's content, as far as the engine needs it."""

    name: str
    volumes: dict[str, tuple[int, str]]  # file -> size, identity
    index: tuple[int, str]  # size, identity
    window: int
    parts: tuple[Placed, ...]
    raw: dict[str, Any]


def to_json(
    job: Job,
    plan: Plan,
    name: str,
    placed: Sequence[Placed],
    volumes: dict[str, tuple[int, str]],
    index: tuple[int, str],
    head: bytes,
) -> dict[str, Any]:
    """The manifest as JSON; totals are sums over the parts. head: the member meta.json that each volume begins with."""
    pixels: dict[str, int] = {}
    items: dict[str, int] = {}
    for part in placed:
        for sums, numbers in ((pixels, part.summary.pixels), (items, part.summary.labelled)):
            for key, number in numbers.items():
                sums[key] = sums.get(key, 0) + number
    machine, human = job.colours.machine or {}, job.colours.human or {}
    return {
        "format": FORMAT,
        "name": name,
        "volumes": [{"file": file, "size": size, "identity": identity} for file, (size, identity) in volumes.items()],
        "index": {"file": index_path(name), "size": index[0], "identity": index[1]},
        "head": {"size": len(head), "sha256": sha256(head).hexdigest()},
        "settings": {
            "masks_machine": job.layer.masks_machine,
            "masks_human": job.layer.masks_human,
            "gt_machine_color": job.layer.machine_colours,
            "gt_human_color": job.layer.human_colours,
            "machine_png": "gray" if job.colours.gray else "rgb",
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
        "skipped": [{"item": item, "reason": why} for part in placed for item, why in part.summary.skipped],
        "warnings": list(plan.warnings),
        "plan": {"digest": plan.digest, "settings": plan.settings, "window": plan.window},
        "parts": [part.to_json() for part in placed],
        "versions": renderer(),
    }


def read_manifest(team_files: Storage, name: str) -> Published | None:
    """The manifest of an archive, or None: there is none, or one that this version does not read."""
    if team_files.stat(manifest_path(name)) is None:
        return None
    try:
        raw = orjson.loads(team_files.read(manifest_path(name)))
        if raw["format"] != FORMAT:
            return None
        return Published(
            name=raw["name"],
            volumes={volume["file"]: (volume["size"], volume["identity"]) for volume in raw["volumes"]},
            index=(raw["index"]["size"], raw["index"]["identity"]),
            window=raw["plan"]["window"],
            parts=tuple(Placed.from_json(dict(part), raw["name"]) for part in raw["parts"]),
            raw=raw,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None  # a damaged manifest is as good as none: its archive is replaced, nothing of it is used


def is_current(team_files: Storage, published: Published) -> bool:
    """Whether the files beside the manifest are still those that it was written for."""
    folder = published.name.rpartition("/")[0]
    files = {f"{folder}/{name}" if folder else name: entry for name, entry in team_files.listdir(folder).files.items()}
    wanted = {**published.volumes, index_path(published.name): published.index}
    return all(file in files and (files[file].size, files[file].identity) == known for file, known in wanted.items())
