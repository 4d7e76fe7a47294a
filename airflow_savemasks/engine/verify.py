"""Re-reads a published archive and names each file in it that is not what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Any

import orjson
from isal import isal_zlib

from airflow_savemasks.engine import tar
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.manifest import Placed, Published, index_path, manifest_path, read_manifest
from airflow_savemasks.engine.storage import Storage

AGAIN = "Export it again with reuse=False"


def verify(team_files: Storage, name: str) -> dict[str, Any]:
    """Check every byte of an archive against its manifest.

    name: of the archive, without `.tar`. Returns {"archive", "items", "bytes"}. Raises ArchiveError that lists the
    files that differ, or says that there is no manifest (an export that did not end).
    """
    published = read_manifest(team_files, name)
    where = team_files.locate(manifest_path(name))
    if published is None:
        raise ArchiveError(where, "no manifest that can be read", "The export did not end; run it again")
    wrong = list(_differences(team_files, published))
    if wrong:
        shown = "\n".join(f"  {line}" for line in wrong[:100])
        raise ArchiveError(team_files.locate(name), f"{len(wrong)} differences:\n{shown}\n", AGAIN)
    totals = published.raw["totals"]
    return {
        "archive": team_files.locate(next(iter(published.volumes))),
        "items": totals["items"],
        "bytes": totals["bytes"],
    }


def _differences(team_files: Storage, published: Published) -> Iterator[str]:
    missing = False
    for file, (size, _) in {**published.volumes, index_path(published.name): published.index}.items():
        entry = team_files.stat(file)
        if entry is None or entry.size != size:
            missing = True
            yield f"{file}: {'missing' if entry is None else f'{entry.size} bytes'}, expected {size} bytes"
    if missing:
        return
    head = published.raw["head"]
    for file, (size, _) in published.volumes.items():
        if _hash(team_files.stream(file, 0, head["size"])) != head["sha256"]:
            yield f"{file}: meta.json differs"
        if any(any(chunk) for chunk in team_files.stream(file, size - len(tar.END), len(tar.END))):
            yield f"{file}: the end of the archive is damaged"
    for part in published.parts:
        content = team_files.stream(part.volume, part.offset, part.summary.size)
        if _hash(content) != part.summary.sha256:
            yield from _damaged_members(team_files, published, part)


def _damaged_members(team_files: Storage, published: Published, part: Placed) -> Iterator[str]:
    lines = b"".join(team_files.stream(index_path(published.name), part.index_offset, part.index_size)).splitlines()
    named = False
    try:
        members = [member for line in islice(lines, part.summary.items) for member in orjson.loads(line)["members"]]
    except (orjson.JSONDecodeError, KeyError):
        yield f"{index_path(published.name)}: damaged from byte {part.index_offset} on"
        return
    for member in members:
        content = team_files.stream(part.volume, part.offset + member["offset"], member["size"])
        if _crc(content) != member["crc32"]:
            named = True
            yield f"{part.volume}: {member['name']} differs"
    if not named:
        yield f"{part.volume}: a tar header differs between bytes {part.offset} and {part.offset + part.summary.size}"


def _hash(chunks: Iterable[bytes]) -> str:
    running = sha256()
    for chunk in chunks:
        running.update(chunk)
    return running.hexdigest()


def _crc(chunks: Iterable[bytes]) -> int:
    running = 0
    for chunk in chunks:
        running = isal_zlib.crc32(chunk, running)
    return running
