"""Finished items to a published archive: volumes, index, manifest.

Nothing has its final name until it is whole; the manifest comes last and vouches for the rest.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.index import moved
from airflow_savemasks.engine.archive.manifest import to_json
from airflow_savemasks.engine.archive.naming import index_path, manifest_path, volume_names
from airflow_savemasks.engine.archive.published import File, Published, read_manifest, seal
from airflow_savemasks.engine.archive.totals import Totals
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.cleanup import clean_up, remove_parts
from airflow_savemasks.engine.parts.described import describe
from airflow_savemasks.engine.parts.finished import Finished, FinishedItems
from airflow_savemasks.engine.parts.growing import head_of, with_growing_head
from airflow_savemasks.engine.parts.plan import PlanFiles
from airflow_savemasks.engine.parts.receipts import new_part
from airflow_savemasks.engine.parts.resume import find_finished, find_same, free_name
from airflow_savemasks.engine.parts.targets import check_targets
from airflow_savemasks.engine.progress import human_size
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Piece, Range, Storage

NAMED = 20  # missing items in an error


def assemble(job: Job, team_files: Storage, files: PlanFiles, rendered: int, seconds: float) -> dict[str, Any]:
    """Publish the archive of a plan whose items are all finished, then remove the parts. Where the archive that is
    there is the same already, it stays, and nothing is written.

    rendered: how many items were rendered for it; seconds: that took so far. Returns the result (README, "The result").
    Raises ArchiveError naming the items that are missing, BadItemsError if more items were skipped than allowed.
    """
    began = time.monotonic() - seconds
    same = find_same(job, team_files, files.plan.digest)
    if same is not None:
        return _unchanged(team_files, files, same, time.monotonic() - began)
    plan = files.plan
    name = free_name(job, team_files, plan.dst)
    check_targets(job, team_files, name)
    old = read_manifest(team_files, name)
    finished = find_finished(job, team_files, publishing=True)
    layout = _Layout(len(head_of(job)), job.options.volume_size)
    with team_files.writing(index_path(name)) as out:  # room for it is sure before anything is replaced
        _place_all(job, team_files, files, finished, layout, out)
        if len(layout.volumes) > 1 or (old and len(old.volumes) > 1):
            layout.take_out(team_files, plan.dst)  # a volume must not be overwritten before it is read
        _publish_volumes(job, team_files, name, layout)
    raw = _write_manifest(job, team_files, files, name, layout, rendered)
    volumes = volume_names(name, len(layout.volumes))
    warnings = clean_up(team_files, plan, name, old, volumes, layout.totals.skipped, finished.found_in)
    result = _result(team_files, name, raw, time.monotonic() - began, warnings, unchanged=False)
    log.info("%s: %d items, %s", result["archive"], raw["totals"]["items"], human_size(result["bytes"]))
    return result


@dataclass(slots=True)
class _Layout:
    """Where the items of an archive go. head: bytes before the first item of a volume; volumes: pieces of each.

    Neighbours that lie behind each other in one file are one piece, so there are about as many as there are parts, and
    two for each run of items that is taken out of an old archive.
    """

    head: int
    volume_size: int | None
    volumes: list[list[Range]] = field(default_factory=lambda: [[]])
    end: int = 0
    index_size: int = 0
    index_hash: Any = field(default_factory=sha256)
    totals: Totals = field(default_factory=Totals)

    def __post_init__(self) -> None:
        self.end = self.head

    def place(self, item: Finished) -> bytes:
        """Give an item the next place; returns its line of the index. An item is never divided."""
        size = item.line.size
        pieces = self.volumes[-1]
        if self.volume_size is not None and pieces and self.end + size + len(tar.END) > self.volume_size:
            pieces = []
            self.volumes.append(pieces)
            self.end = self.head
        line = moved(item.raw, item.line, len(self.volumes) - 1, self.end)
        last = pieces[-1] if pieces else None
        if last is not None and last.path == item.piece.path and last.offset + last.size == item.piece.offset:
            pieces[-1] = Range(last.path, last.offset, last.size + size)
        else:
            pieces.append(item.piece)
        self.end += size
        self.index_size += len(line)
        self.index_hash.update(line)
        self.totals.add(item.line)
        return line

    def take_out(self, team_files: Storage, dst: str) -> None:
        """Copy what lies in an old archive to a file of the work folder."""
        path = new_part(dst)
        taken: list[Range] = []
        at = 0
        for pieces in self.volumes:
            for number, piece in enumerate(pieces):
                if not piece.path.startswith(f"{WORK_FOLDER}/"):
                    taken.append(piece)
                    pieces[number] = Range(path, at, piece.size)
                    at += piece.size
        if taken:
            team_files.compose(path, taken)


def _place_all(
    job: Job, team_files: Storage, files: PlanFiles, finished: FinishedItems, layout: _Layout, out: BinaryIO
) -> None:
    """Find all items, place them, and write the index."""
    missing: list[str] = []
    count = 0
    for planned in files.items():
        found = finished.find(planned)
        if isinstance(found, Finished):
            out.write(layout.place(found))
        elif isinstance(found, Skipped) and job.options.on_bad_item == "skip":
            layout.totals.skipped.append(found)
        else:
            count += 1
            if count <= NAMED:
                missing.append(f"{planned.folder}/{planned.name}")
    if count:
        raise ArchiveError(
            team_files.locate(f"{files.plan.dst}.tar"),
            f"{count} of {files.plan.items} items are missing: {', '.join(missing)}",
            "Clear the plan task (or run the export again): only these items will be rendered",
        )
    if len(layout.totals.skipped) > job.options.max_skipped:
        fix = f"Mend them, or raise max_skipped above {job.options.max_skipped}"
        raise BadItemsError([one.bad.to_error() for one in layout.totals.skipped], fix)


def _publish_volumes(job: Job, team_files: Storage, name: str, layout: _Layout) -> None:
    head = head_of(job)
    for file, pieces in zip(volume_names(name, len(layout.volumes)), layout.volumes, strict=True):
        whole: list[Piece] = [*with_growing_head(team_files, [head, *pieces]), tar.END]
        team_files.compose(file, _joined(whole))
    team_files.watch(threading.Event())  # the archive is there: the rest of it is not left out any more


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The head of a growing archive and the items behind it as one piece."""
    first, second = pieces[0], pieces[1]
    if isinstance(first, Range) and isinstance(second, Range) and first.path == second.path:
        return [Range(first.path, 0, first.size + second.size), *pieces[2:]]
    return pieces


def _write_manifest(
    job: Job, team_files: Storage, files: PlanFiles, name: str, layout: _Layout, rendered: int
) -> dict[str, Any]:
    totals = layout.totals
    items = {"rendered": rendered, "reused": totals.items - rendered, "skipped": len(totals.skipped)}
    sizes = {file: _seen(team_files, file) for file in volume_names(name, len(layout.volumes))}
    _, identity = _seen(team_files, index_path(name))
    index = File(file=index_path(name), size=layout.index_size, identity=identity, sha256=layout.index_hash.hexdigest())
    raw = to_json(describe(job, files.plan, items), name, totals, sizes, index, head_of(job))
    with team_files.writing(manifest_path(name)) as out:
        out.write(seal(raw))
    return raw


def _unchanged(team_files: Storage, files: PlanFiles, same: Published, seconds: float) -> dict[str, Any]:
    """The result for an archive that is there already."""
    log.info("%s: nothing changed, the archive stays", team_files.locate(f"{same.name}.tar"))
    if not team_files.keeps_parts:
        remove_parts(team_files, files.plan.dst)
    raw = {**same.raw, "items": {"rendered": 0, "reused": same.items, "skipped": same.skipped}}
    return _result(team_files, same.name, raw, seconds, [], unchanged=True)


def _result(
    team_files: Storage, name: str, raw: dict[str, Any], seconds: float, more_warnings: list[str], *, unchanged: bool
) -> dict[str, Any]:
    volumes = volume_names(name, len(raw["volumes"]))
    result = {
        "archive": team_files.locate(volumes[0]),
        "manifest": team_files.locate(manifest_path(name)),
        "index": team_files.locate(index_path(name)),
        "items": raw["items"],
        "unchanged": unchanged,
        "skipped": [{"item": one["item"], "reason": one["reason"]} for one in raw["skipped"]],
        "files": raw["totals"]["files"],
        "bytes": raw["totals"]["bytes"],
        "seconds": round(seconds, 3),
        "unannotated": raw["unannotated"],
        "orphans": raw["orphans"],
        "warnings": [*raw["warnings"], *more_warnings],
    }
    if link := team_files.link(volumes[0]):
        result["link"] = link
    if len(volumes) > 1:
        result["volumes"] = [team_files.locate(file) for file in volumes]
    return result


def _seen(team_files: Storage, path: str) -> tuple[int, str]:
    entry = team_files.stat(path)
    if entry is None:
        raise ArchiveError(
            team_files.locate(path), "is gone right after it was written", "Look who removes files there"
        )
    return entry.size, entry.identity
