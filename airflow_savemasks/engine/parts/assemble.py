"""Finished parts to a published archive: volumes, index, manifest.

Nothing has its final name until it is whole; the manifest comes last and vouches for the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.manifest import Described, to_json
from airflow_savemasks.engine.archive.naming import bad_items_path, index_path, manifest_path, volume_names
from airflow_savemasks.engine.archive.published import File, Placed, read_manifest, seal
from airflow_savemasks.engine.archive.summary import Summary
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, SettingsError
from airflow_savemasks.engine.job import Job, renderer
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.masks.registry import KINDS
from airflow_savemasks.engine.parts import receipts
from airflow_savemasks.engine.parts.cleanup import clean_up
from airflow_savemasks.engine.parts.growing import head_of, with_growing_head
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.resume import Finished, find_finished, free_name
from airflow_savemasks.engine.progress import human_size
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Piece, Range, Storage

READERS = 10  # receipts read at once


def assemble(job: Job, team_files: Storage, plan: Plan, rendered: int, reused: int, seconds: float) -> dict[str, Any]:
    """Publish the archive of a plan whose parts are all finished, then remove the parts.

    Returns the result: archive, manifest, index (URIs), items, skipped, files, bytes, parts (rendered, reused),
    seconds, unannotated, orphans, warnings, and volumes where there is more than one. Raises ArchiveError naming the
    parts that are missing, BadItemsError if more items were skipped than allowed.
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
    name = free_name(job, team_files, plan.dst)
    check_targets(job, team_files, name)
    old = read_manifest(team_files, name)
    sources = list(_summaries(team_files, plan, finished))
    _check_skipped(job, [source.summary for source in sources])
    head = head_of(job)
    volumes = _split(sources, len(head) + len(tar.END), job.options.volume_size)
    files = volume_names(name, len(volumes))
    if len(volumes) > 1 or (old and len(old.volumes) > 1):
        sources = _own_copies(team_files, plan, sources)  # a volume must not be overwritten before it is read
        volumes = _split(sources, len(head) + len(tar.END), job.options.volume_size)
    with team_files.writing(index_path(name)) as out:  # room for it is sure before anything is replaced
        placed, sha = _write_index(team_files, out, files, volumes, len(head))
        for file, volume in zip(files, volumes, strict=True):
            pieces = with_growing_head(team_files, [head, *(source.piece for source in volume)])
            team_files.compose(file, [*_merged(pieces), tar.END])
        team_files.watch(threading.Event())  # the archive is there: the rest of it is not left out any more
    sizes = {file: _seen(team_files, file) for file in files}
    size, identity = _seen(team_files, index_path(name))
    index = File(file=index_path(name), size=size, identity=identity, sha256=sha)
    raw = to_json(_described(job, plan), name, placed, sizes, index, head)
    with team_files.writing(manifest_path(name)) as out:
        out.write(seal(raw))
    warnings = [*raw["warnings"], *clean_up(team_files, plan, name, old, sizes, placed)]
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
        "unannotated": plan.unannotated,
        "orphans": plan.orphans,
        "warnings": warnings,
    }
    if link := team_files.link(files[0]):
        result["link"] = link
    if len(files) > 1:
        result["volumes"] = [team_files.locate(file) for file in files]
    log.info("%s: %d items, %s", result["archive"], result["items"], human_size(result["bytes"]))
    return result


def _described(job: Job, plan: Plan) -> Described:
    asked = {kind: kind.asked(job.layer) for kind in KINDS}
    return Described(
        settings={
            **{kind.folder: wanted for kind, (wanted, _) in asked.items()},
            **{f"gt_{kind.name}_color": colors for kind, (_, colors) in asked.items()},
            "machine_png": "gray" if job.colors.gray else "rgb",
            "sources": [entry.source.uri for entry in job.inputs],
        },
        classes=[
            {
                "name": item.name,
                "shape": item.shape,
                **{kind.name: (kind.colors(job.colors) or {}).get(item.name) for kind in KINDS},
            }
            for item in job.meta.classes.values()
        ],
        plan={"digest": plan.digest, "settings": plan.settings, "window": plan.window},
        unannotated=plan.unannotated,
        orphans=plan.orphans,
        warnings=plan.warnings,
        versions=renderer(),
    )


def check_targets(job: Job, team_files: Storage, name: str) -> None:
    """Raises SettingsError where one of an archive's files cannot be written: before anything is, or is replaced."""
    files = [f"{name}.tar", index_path(name), manifest_path(name), bad_items_path(name)]
    if job.options.volume_size is not None:
        files.append(volume_names(name, 2)[1])
    for file in [*files, receipts.part_path(job.layer.dst, "0" * 40)]:
        if problem := team_files.obstacle(file):
            fix = "Choose another dst, or clear the way"
            raise SettingsError(team_files.locate(file), f"cannot be written: {problem}", fix)


def _write_index(
    team_files: Storage, out: BinaryIO, files: Sequence[str], volumes: Sequence[Sequence[_Source]], head: int
) -> tuple[list[Placed], str]:
    """The index, a line for each item in the order of the archive; returns where every part lies, and its SHA-256."""
    placed = []
    at = 0
    running = sha256()
    for file, volume in zip(files, volumes, strict=True):
        offset = head
        for source in volume:
            lines = source.lines(team_files)
            out.write(lines)
            running.update(lines)
            placed.append(Placed(source.summary, file, offset, at, len(lines)))
            at += len(lines)
            offset += source.summary.size
    return placed, running.hexdigest()


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
            index = Range(found.index, placed.index_offset, placed.index_size)
            return _Source(placed.summary, Range(placed.volume, placed.offset, placed.summary.size), index)
        assert found.receipt is not None
        receipt = receipts.read_receipt(team_files, found.receipt)
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
    skipped = [bad for summary in summaries for bad in summary.skipped]
    if len(skipped) > job.options.max_skipped:
        raise BadItemsError(
            [bad.to_error() for bad in skipped],
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


def _own_copies(team_files: Storage, plan: Plan, sources: Sequence[_Source]) -> list[_Source]:
    """Parts of the old archive as part files."""
    copies = []
    for source in sources:
        path = receipts.part_path(plan.dst, source.summary.digest)
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


def _seen(team_files: Storage, path: str) -> tuple[int, str]:
    entry = team_files.stat(path)
    if entry is None:
        raise ArchiveError(
            team_files.locate(path), "is gone right after it was written", "Look who removes files there"
        )
    return entry.size, entry.identity
