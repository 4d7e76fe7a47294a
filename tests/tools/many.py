"""A synthetic archive of very many items: those of a small one again and again, under names of their own."""

from __future__ import annotations

from hashlib import sha256

import orjson

from airflow_savemasks.engine.archive.naming import index_path, manifest_path
from airflow_savemasks.engine.archive.published import seal
from airflow_savemasks.engine.storage.base import Storage

DATASET = 25_000  # items


def multiply(storage: Storage, name: str, items: int) -> int:
    """Replace an archive's index and manifest by those of `items` items, whose bytes are its own; bytes of the index.

    The tar stays as it is: what reads by the index, as the Masks tab does, cannot tell.
    """
    lines = [orjson.loads(line) for line in storage.read(index_path(name)).splitlines()]
    raw = orjson.loads(storage.read(manifest_path(name)))
    running = sha256()
    with storage.writing(index_path(name)) as out:
        for number in range(items):
            line = renamed(lines[number % len(lines)], f"ds{number // DATASET}", f"{number:06}.png")
            running.update(line)
            out.write(line)
    raw["index"] |= {"size": out.entry.size, "identity": out.entry.identity, "sha256": running.hexdigest()}
    raw["totals"]["items"] = items
    with storage.writing(manifest_path(name)) as manifest:
        manifest.write(seal(raw))
    return out.entry.size


def renamed(line: dict, dataset: str, name: str) -> bytes:
    members = [
        {**one, "name": f"{dataset}/{one['name'].split('/')[1]}/{name}{'.json' if one['kind'] == 'ann' else ''}"}
        for one in line["members"]
    ]
    source = {**line["source"], "dataset": dataset, "name": name}
    return orjson.dumps({**line, "item": f"{dataset}/{name}", "source": source, "members": members}) + b"\n"
