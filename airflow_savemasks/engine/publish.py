"""Finished parts to a published archive: volumes, index, manifest; and what is removed afterwards.

Nothing has its final name until it is whole; the manifest comes last and vouches for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson

from airflow_savemasks.engine import parts as part_files
from airflow_savemasks.engine import tar
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, ItemError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.manifest import (
    Placed,
    Published,
    index_path,
    is_current,
    manifest_path,
    read_manifest,
    to_json,
)
from airflow_savemasks.engine.parts import Summary
from airflow_savemasks.engine.plan import Plan
from airflow_savemasks.engine.progress import human_size, log
from airflow_savemasks.engine.storage import WORK_FOLDER, Piece, Range, Storage
from airflow_savemasks.engine.strip import head_of, with_strip

READERS = 10  # receipts read at once
DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A part that needs no rendering: among the part files (its receipt) or in the old archive (its place)."""

    receipt: str | None
    placed: Placed | None


def find_finished(job: Job, team_files: Storage, *, render: bool = False) -> dict[str, Finished]:
    """Digest -> where the part lies. render: asked before rendering, when reuse=False finds nothing."""
    if render and not job.options.reuse:
        return {}
    skips = job.options.on_bad_item == "skip"
    found: dict[str, Finished] = {}
    for old in old_archives(job, team_files):
        for placed in old.parts:
            if skips or not placed.summary.skipped:
                found[placed.summary.digest] = Finished(None, placed)
    for digest, receipt in part_files.find_receipts(team_files, job.layer.dst, with_skipped=skips).items():
        found[digest] = Finished(receipt, None)
    return found


def assemble(job: Job, team_files: Storage, plan: Plan, rendered: int, reused: int, seconds: float) -> dict[str, Any]:
    """Publish the archive of a plan whose parts are all finished, then remove the parts.

    Returns the result: archive, manifest, index (URIs), items, skipped, files, bytes, parts (rendered, reused),
    seconds, warnings, and volumes where there is more than one. Raises ArchiveError naming the parts that are
    missing, BadItemsError if more items were skipped than allowed.
    """
    began = time.monotonic()
    finished = find_finished(job, team_files)
    missing = [f"{number} ({part.digest[:8]})" for number, part in enumerate(plan.parts) if part.digest not in finished]
    if missing:
        raise ArchiveError(
            team_files.locate(f"{plan.dst}.tar"),
            f"{len(missing)} of {len(plan.parts)} parts are missing: {', '.join(missing[:20])}",
            "Clear the render tasks (or run the export again): only these parts will be rendered",
        )
    name = _free_name(job, team_files, plan.dst)
    old = read_manifest(team_files, name)
    sources = list(_summaries(team_files, plan, finished))
    _check_skipped(job, [source.summary for source in sources])
    head = head_of(job)
    volumes = _split(sources, len(head) + len(tar.END), job.options.volume_size)
    files = _volume_names(name, len(volumes))
    if len(volumes) > 1 or (old and len(old.volumes) > 1):
        sources = _own_copies(team_files, plan, sources)  # a volume must not be overwritten before it is read
        volumes = _split(sources, len(head) + len(tar.END), job.options.volume_size)
    for file, volume in zip(files, volumes, strict=True):
        pieces = with_strip(team_files, [head, *(source.piece for source in volume)])
        team_files.compose(file, [*_merged(pieces), tar.END])
    placed = _write_index(team_files, name, files, volumes, len(head))
    sizes = {file: _seen(team_files, file) for file in files}
    raw = to_json(job, plan, name, placed, sizes, _seen(team_files, index_path(name)), head)
    with team_files.writing(manifest_path(name)) as out:
        out.write(orjson.dumps(raw, option=orjson.OPT_INDENT_2) + b"\n")
    team_files.delete([file for file in (old.volumes if old else ()) if file not in sizes])
    remove_parts(job, team_files, plan)
    result = {
        "archive": team_files.locate(files[0]),
        "manifest": team_files.locate(manifest_path(name)),
        "index": team_files.locate(index_path(name)),
        "items": raw["totals"]["items"],
        "skipped": raw["skipped"],
        "files": raw["totals"]["files"],
        "bytes": raw["totals"]["bytes"],
        "parts": {"rendered": rendered, "reused": reused},
        "seconds": round(seconds + time.monotonic() - began, 3),
        "warnings": raw["warnings"],
    }
    if link := team_files.link(files[0]):
        result["link"] = link
    if len(files) > 1:
        result["volumes"] = [team_files.locate(file) for file in files]
    log.info("%s: %d items, %s", result["archive"], result["items"], human_size(result["bytes"]))
    return result


def _write_index(
    team_files: Storage, name: str, files: Sequence[str], volumes: Sequence[Sequence[_Source]], head: int
) -> list[Placed]:
    """The index file, a line for each item in the order of the archive; returns where every part lies."""
    placed = []
    at = 0
    with team_files.writing(index_path(name)) as out:
        for file, volume in zip(files, volumes, strict=True):
            offset = head
            for source in volume:
                lines = source.lines(team_files)
                out.write(lines)
                placed.append(Placed(source.summary, name, file, offset, at, len(lines)))
                at += len(lines)
                offset += source.summary.size
    return placed


def remove_parts(job: Job, team_files: Storage, plan: Plan) -> None:
    """Remove the part files of this archive, and those of other archives that are older than keep_parts_days."""
    own = part_files.folder_of(plan.dst)
    needed = {part.digest for part in plan.parts} if team_files.keeps_parts else set()
    files = team_files.listdir(own).files
    team_files.delete([f"{own}/{name}" for name in files if name.partition(".")[0] not in needed])
    too_old = time.time() - job.options.keep_parts_days * DAY
    for folder in team_files.listdir(WORK_FOLDER).folders:
        path = f"{WORK_FOLDER}/{folder}"
        files = team_files.listdir(path).files if path != own else {}
        stale = [f"{path}/{name}" for name, entry in files.items() if entry.modified < too_old]
        if stale:
            log.info("removing %d files of an export that never ended: %s", len(stale), team_files.locate(path))
            team_files.delete(stale)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a finished part's bytes and index lines come from."""

    summary: Summary
    piece: Range
    index: Range

    def lines(self, team_files: Storage) -> bytes:
        return b"".join(team_files.stream(self.index.path, self.index.offset, self.index.size))


def _summaries(team_files: Storage, plan: Plan, finished: dict[str, Finished]) -> Iterator[_Source]:
    """The parts of a plan in order; receipts are read some at a time."""

    def look(digest: str) -> _Source:
        found = finished[digest]
        if found.placed is not None:
            placed = found.placed
            index = Range(index_path(placed.archive), placed.index_offset, placed.index_size)
            return _Source(placed.summary, Range(placed.volume, placed.offset, placed.summary.size), index)
        assert found.receipt is not None
        receipt = part_files.read_receipt(team_files, found.receipt)
        whole = team_files.stat(found.receipt)
        assert whole is not None
        size = len(receipt.lines)
        return _Source(receipt.summary, receipt.place, Range(found.receipt, whole.size - size, size))

    with ThreadPoolExecutor(READERS, thread_name_prefix="savemasks-receipts") as pool:
        digests = [part.digest for part in plan.parts]
        for start in range(0, len(digests), READERS):
            yield from pool.map(look, digests[start : start + READERS])


def _check_skipped(job: Job, summaries: Sequence[Summary]) -> None:
    """Once more over all parts: mapped tasks see only their own."""
    skipped = [entry for summary in summaries for entry in summary.skipped]
    if len(skipped) > job.options.max_skipped:
        raise BadItemsError(
            [ItemError(item, why, "Mend it at the source") for item, why in skipped],
            f"Mend them, or raise max_skipped above {job.options.max_skipped}",
        )


def _split(sources: Sequence[_Source], frame: int, volume_size: int | None) -> list[list[_Source]]:
    """Parts to volumes of at most volume_size bytes; a part is never divided. frame: bytes around them."""
    volumes: list[list[_Source]] = [[]]
    size = frame
    for source in sources:
        if volume_size is not None and volumes[-1] and size + source.summary.size > volume_size:
            volumes.append([])
            size = frame
        volumes[-1].append(source)
        size += source.summary.size
    return volumes


def _volume_names(name: str, count: int) -> list[str]:
    return [f"{name}.tar"] if count == 1 else [f"{name}-{number:05d}.tar" for number in range(1, count + 1)]


def _own_copies(team_files: Storage, plan: Plan, sources: Sequence[_Source]) -> list[_Source]:
    """Parts of the old archive as part files."""
    copies = []
    for source in sources:
        path = part_files.part_path(plan.dst, source.summary.digest)
        if not source.piece.path.startswith(f"{WORK_FOLDER}/"):
            team_files.compose(path, [source.piece])
            source = _Source(source.summary, Range(path, 0, source.summary.size), source.index)
        copies.append(source)
    return copies


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Ranges that follow each other in one file become one; empty ones vanish."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if isinstance(piece, bytes):
            merged.append(piece)
        elif isinstance(last, Range) and last.path == piece.path and last.offset + last.size == piece.offset:
            merged[-1] = Range(last.path, last.offset, last.size + piece.size)
        elif piece.size:
            merged.append(piece)
    return merged


def old_archives(job: Job, team_files: Storage) -> list[Published]:
    """Archives that parts may be taken from: the one that `reuse` names, and the one that is going to be replaced.

    Only archives whose files are still those of their manifests.
    """
    if not job.options.reuse or team_files.keeps_parts:
        return []  # keeps_parts: no ranges of an archive can be read there, and its parts are at hand
    name = job.layer.dst
    if job.options.if_exists == "rename":
        name = _last_name(team_files, name)
    named = [job.options.reuse] if isinstance(job.options.reuse, str) else []
    usable = []
    for old in filter(None, (read_manifest(team_files, one) for one in dict.fromkeys([*named, name]))):
        if is_current(team_files, old):
            usable.append(old)
        else:
            log.warning("%s is not the archive of its manifest; nothing of it is reused", team_files.locate(old.name))
    return usable


def _free_name(job: Job, team_files: Storage, dst: str) -> str:
    if job.options.if_exists == "replace" or not _exists(team_files, dst):
        return dst
    if job.options.if_exists == "fail":
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    return next(name for name in _renamed(dst) if not _exists(team_files, name))


def _last_name(team_files: Storage, dst: str) -> str:
    last = dst
    for name in _renamed(dst):
        if not _exists(team_files, name):
            return last
        last = name
    return last


def _renamed(dst: str) -> Iterator[str]:
    """`x_000`, `x_001`, ... as the original names them."""
    return (f"{dst}_{number:03d}" for number in range(1_000_000))


def _exists(team_files: Storage, name: str) -> bool:
    return any(team_files.stat(file) is not None for file in (f"{name}.tar", manifest_path(name)))


def _seen(team_files: Storage, path: str) -> tuple[int, str]:
    entry = team_files.stat(path)
    if entry is None:
        raise ArchiveError(
            team_files.locate(path), "is gone right after it was written", "Look who removes files there"
        )
    return entry.size, entry.identity
