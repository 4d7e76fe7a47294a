"""Volumes, index and manifest under their names, so that a run that is killed at any step has lost nothing.

The next index and the next manifest stand in the work folder before anything is replaced. Then the volumes are
replaced, then the index; the manifest is written last and vouches for both, and what a killed run has not done the
next one does (`finish_publishing`). An archive and a manifest that do not fit each other are never used.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import orjson

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.manifest import to_json
from airflow_savemasks.engine.archive.naming import index_path, manifest_path, volume_names
from airflow_savemasks.engine.archive.published import File, Published, is_current, parse_manifest, read_manifest, seal
from airflow_savemasks.engine.archive.verify import differences_of
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.described import describe
from airflow_savemasks.engine.parts.growing import head_of, with_growing_head
from airflow_savemasks.engine.parts.layout import Layout
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.receipts import folder_of
from airflow_savemasks.engine.storage.base import Entry, Piece, Range, Storage


def next_index(dst: str) -> str:
    """The index of the archive that is going to be published."""
    return f"{folder_of(dst)}/next.index.jsonl"


def next_manifest(dst: str) -> str:
    """Its manifest, which does not know yet what identities the files will have."""
    return f"{folder_of(dst)}/next.manifest.json"


def publish(
    job: Job, team_files: Storage, plan: Plan, name: str, layout: Layout, rendered: int, old: Published | None
) -> dict[str, Any]:
    """Write volumes, index and manifest of an archive; returns the manifest. Its index stands in `next_index` already.

    old: the manifest that this one replaces. Raises ArchiveError where another one lies there meanwhile: somebody else
    has published, and this archive would be made of what is no longer there.
    """
    totals = layout.totals
    files = volume_names(name, len(layout.volumes))
    sizes = dict(zip(files, ((size, "") for size in layout.sizes()), strict=True))
    index = File(file=index_path(name), size=layout.index_size, identity="", sha256=layout.index_hash.hexdigest())
    items = {"rendered": rendered, "reused": totals.items - rendered, "skipped": len(totals.skipped)}
    raw = to_json(describe(job, plan, items), name, totals, sizes, index, head_of(job))
    with team_files.writing(next_manifest(plan.dst)) as out:
        out.write(seal(raw))
    _refuse_others(team_files, name, old)
    written = {}
    for file, pieces in zip(files, layout.volumes, strict=True):
        whole: list[Piece] = [*with_growing_head(team_files, [head_of(job), *pieces]), tar.END]
        written[file] = team_files.compose(file, _joined(whole))
    team_files.watch(threading.Event())  # the archive is there: the rest of it is not left out any more
    _refuse_others(team_files, name, old)
    return _commit(team_files, plan.dst, name, raw, written)


def finish_publishing(team_files: Storage, dst: str) -> None:
    """Do what is left of the publishing of a run that was killed in the middle of it.

    The volumes that lie there are read, and used only if they are those of the next manifest to the byte.
    """
    if team_files.stat(next_manifest(dst)) is None:
        return
    try:
        raw = orjson.loads(team_files.read(next_manifest(dst)))
        published = parse_manifest(team_files.read(next_manifest(dst)), raw["name"])
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s: not used: %s", team_files.locate(next_manifest(dst)), error)
        return
    current = read_manifest(team_files, published.name)
    if current is not None and current.volumes.keys() & published.volumes.keys() and is_current(team_files, current):
        return  # nothing was replaced yet, or all was
    planned = replace(published, index=published.index.model_copy(update={"file": next_index(dst)}))
    different = next(differences_of(team_files, planned), None)
    if different is not None:
        log.info("%s: not what the last run was publishing (%s)", team_files.locate(f"{published.name}.tar"), different)
        return
    log.info("%s: the last run was killed while it published; the rest is done", team_files.locate(published.name))
    raw.pop("sha256")
    there = {file: team_files.stat(file) for file in published.volumes}
    _commit(team_files, dst, published.name, raw, {file: entry for file, entry in there.items() if entry is not None})
    left = [file for file in (current.volumes if current else ()) if file not in published.volumes]
    team_files.delete(left)


def _commit(team_files: Storage, dst: str, name: str, raw: dict[str, Any], written: dict[str, Entry]) -> dict[str, Any]:
    """The index in its place, then the manifest, with the identities that the files have. Returns the manifest.

    written: the volumes, as the storage's answers to the writes told.
    """
    index = team_files.compose(index_path(name), [Range(next_index(dst), 0, raw["index"]["size"])])
    entries = {**written, index_path(name): index}
    files = [*raw["volumes"], raw["index"]]
    known = [{**file, "identity": _identity(team_files, file, entries.get(file["file"]))} for file in files]
    whole = {**raw, "volumes": known[:-1], "index": known[-1]}
    with team_files.writing(manifest_path(name)) as out:
        out.write(seal(whole))
    return whole


def _refuse_others(team_files: Storage, name: str, old: Published | None) -> None:
    """Raises ArchiveError where the manifest is another than when this export began to publish."""
    now = read_manifest(team_files, name)
    if (now.raw if now else None) != (old.raw if old else None):
        fact = "another export published this archive meanwhile"
        raise ArchiveError(team_files.locate(manifest_path(name)), fact, "Run one export of an archive at a time")


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The head of a growing archive and the items behind it as one piece."""
    first, second = pieces[0], pieces[1]
    if isinstance(first, Range) and isinstance(second, Range) and first.path == second.path:
        return [Range(first.path, 0, first.size + second.size), *pieces[2:]]
    return pieces


def _identity(team_files: Storage, file: dict[str, Any], entry: Entry | None) -> str:
    if entry is None or entry.size != file["size"]:
        fact = "is gone" if entry is None else f"has {entry.size} bytes, not {file['size']},"
        fix = "Look who writes there, and run it again"
        raise ArchiveError(team_files.locate(file["file"]), f"{fact} right after it was written", fix)
    return entry.identity
