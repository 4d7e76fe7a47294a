"""Finished items to a published archive, and what is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from contextlib import nullcontext
from typing import Any

from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.published import Published, look_at, manifest_digest
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.finished import Finished, FinishedItems
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.left_out import LeftOut, nothing_picked
from airflow_savemasks.engine.parts.plan import PlanFiles
from airflow_savemasks.engine.parts.receipts import Receipt
from airflow_savemasks.engine.parts.resume import find_finished, find_published, find_same, free_name
from airflow_savemasks.engine.parts.seen import Seen, look
from airflow_savemasks.engine.publish.cleanup import clean_up, remove_parts
from airflow_savemasks.engine.publish.described import Told
from airflow_savemasks.engine.publish.drawn import check_drawn, check_published
from airflow_savemasks.engine.publish.gates import Counted, check_gates, check_gates_of
from airflow_savemasks.engine.publish.layout import Layout
from airflow_savemasks.engine.publish.lease import Lease, publishing_alone, unless_published
from airflow_savemasks.engine.publish.next_file import NextFile, next_index
from airflow_savemasks.engine.publish.publishing import publish
from airflow_savemasks.engine.publish.result import result_of
from airflow_savemasks.engine.publish.retention import earlier, remove_older
from airflow_savemasks.engine.publish.speed import speed_of
from airflow_savemasks.engine.publish.splits import Splits
from airflow_savemasks.engine.publish.targets import check_targets
from airflow_savemasks.engine.storage.base import Storage

NAMED = 20  # missing items in an error


def assemble(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    rendered: int,
    seconds: float,
    stop: threading.Event | None = None,
    written: Collection[Receipt] = (),
    rendering: float = 0.0,
) -> dict[str, Any]:
    """Publish the archive of a plan whose items are all finished, then remove the parts. Where the archive that is
    there is the same already, it stays, and nothing is written.

    Waits while somebody else publishes this archive (lease.py).

    rendered: how many items were rendered for it; seconds: that took so far; written: receipts of parts that this
    process has written; rendering: seconds of rendering, those of all workers added up. Returns the result
    (docs/reference/result.md). Raises ArchiveError naming the items that are missing, or whoever does not come to the
    end of publishing, BadItemsError if more items were skipped than allowed, GateError (gates.py), SettingsError if no
    mask would show anything (drawn.py), and Stopped once `stop` is set.
    """
    began = time.monotonic() - seconds
    result, name = _published(job, team_files, files, rendered, began, stop, written, rendering)
    return _without_older(job, team_files, name, result, stop)


def _without_older(
    job: Job, team_files: Storage, name: str, result: dict[str, Any], stop: threading.Event | None
) -> dict[str, Any]:
    """The result, once older archives are removed, if `keep` is given."""
    if job.options.keep is not None:
        result["removed"], warnings = remove_older(job, team_files, name, stop)
        result["warnings"] = [*result["warnings"], *warnings]
    return result


def _published(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    rendered: int,
    began: float,
    stop: threading.Event | None,
    written: Collection[Receipt],
    rendering: float,
) -> tuple[dict[str, Any], str]:
    """The result and the name of the archive that is there afterwards."""
    dst = files.plan.dst
    if not files.plan.todo:
        seen = look(job, team_files)
        same = find_same(job, seen, files.plan.digest)
        if same is not None:
            has_parts = bool(seen.work) and not team_files.keeps_parts
            with unless_published(team_files, dst, stop) if has_parts else nullcontext(False) as alone:
                parts = seen.work if alone else ()
                return _unchanged(job, team_files, files, same, time.monotonic() - began, parts), same.name
    with publishing_alone(team_files, dst, stop) as lease:
        seen = look(job, team_files)
        same = find_same(job, seen, files.plan.digest)  # somebody else may have published the same meanwhile
        if same is not None:
            return _unchanged(job, team_files, files, same, time.monotonic() - began, seen.work), same.name
        return _publish(job, team_files, files, seen, written, rendered, began, stop, lease, rendering)


def find_result(
    job: Job, team_files: Storage, batch: dict[str, Any], stop: threading.Event | None = None
) -> dict[str, Any] | None:
    """The result of an earlier try that published and removed the plan, None where there was none.

    Older archives are removed, as that try may not have come to it.

    batch: one of the plan's (batches.py), which has its name and the digest of its items.
    """
    seen = look(job, team_files)
    same = find_published(seen, batch["plan"]) or find_same(job, seen, batch["digest"])
    if same is None:
        return None
    return _without_older(job, team_files, same.name, _same_result(job, team_files, same, 0.0), stop)


def _publish(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    seen: Seen,
    written: Collection[Receipt],
    rendered: int,
    began: float,
    stop: threading.Event | None,
    lease: Lease,
    rendering: float,
) -> tuple[dict[str, Any], str]:
    """While nobody else does: find all items, place them, replace the archive, remove what is left.

    Returns the result and the archive's name.
    """
    plan = files.plan
    name = free_name(job, team_files, plan.dst)
    check_targets(job, team_files, name)
    known = seen.known if name == seen.name else look_at(team_files, name)
    old = known.published
    finished = find_finished(job, team_files, seen, plan.name, written)
    layout = Layout(len(head_of(job)), job.options.volume_size)
    counted = Counted()
    with NextFile(team_files, next_index(plan.dst)) as index, Splits(job, team_files) as splits:
        _place_all(job, team_files, files, finished, layout, index, splits, counted, stop)
        check_drawn(job, layout.totals)
        where = team_files.locate(f"{name}.tar")
        gates = check_gates(job, counted, _compared(job, team_files, name, old, seen), where)
        told = Told(rendered, gates, speed_of(rendered, rendering, old or seen.known.published))
        if len(layout.volumes) > 1 or (old and len(old.volumes) > 1):
            layout.take_out(team_files, plan.dst)
        raw = publish(job, team_files, plan, name, layout, index, splits, told, known, finished.leads, lease)
    ours = [file["file"] for file in (*raw["volumes"], raw["index"], *raw.get("root_files", ()))]
    warnings = clean_up(team_files, plan, name, old, ours, layout.totals.skipped, finished.found_in)
    return result_of(
        team_files, name, raw, manifest_digest(raw), time.monotonic() - began, warnings, unchanged=False
    ), name


def _compared(job: Job, team_files: Storage, name: str, old: Published | None, seen: Seen) -> Published | None:
    """The archive that drift is measured against: the one that is replaced, or the one before it.

    Looked for only where there is a gate for drift, or where it is known anyway.
    """
    if old is not None or job.options.gates is None or job.options.gates.max_class_drift is None:
        return old
    if seen.known.published is not None:
        return seen.known.published
    named = job.options.reuse if isinstance(job.options.reuse, str) else earlier(job, team_files, name)
    return look_at(team_files, named).published if named else None


def _place_all(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    finished: FinishedItems,
    layout: Layout,
    out: NextFile,
    splits: Splits,
    counted: Counted,
    stop: threading.Event | None,
) -> None:
    """Find all items, place them, and write the index. Raises ArchiveError, BadItemsError."""
    missing: list[str] = []
    count = 0
    layout.totals.left_out = files.plan.left_out
    for planned in files.items():
        if stop is not None and stop.is_set():
            raise Stopped
        found = finished.find(planned)
        if isinstance(found, Finished):
            out.write(layout.place(found))
            splits.add(found.known)
            counted.add(found.known)
        elif isinstance(found, LeftOut):
            layout.totals.left_out += 1
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
    if not layout.totals.items and layout.totals.left_out:
        raise nothing_picked(job, layout.totals.left_out)
    if len(layout.totals.skipped) > job.options.max_skipped:
        fix = f"Mend them, or raise max_skipped above {job.options.max_skipped}"
        bad = [one.bad.to_error() for one in layout.totals.skipped]
        raise BadItemsError(bad, fix, items=files.plan.items)


def _unchanged(
    job: Job, team_files: Storage, files: PlanFiles, same: Published, seconds: float, parts: Collection[str]
) -> dict[str, Any]:
    """The result for an archive that is there already. parts: work files that go, where nobody else publishes it."""
    result = _same_result(job, team_files, same, seconds)
    if parts and not team_files.keeps_parts:
        remove_parts(team_files, files.plan.dst, parts)
    elif files.storage is team_files:
        team_files.delete(files.paths())
    return result


def _same_result(job: Job, team_files: Storage, same: Published, seconds: float) -> dict[str, Any]:
    check_published(job, same.raw)
    digest = manifest_digest(same.raw)
    check_gates_of(job, team_files, same)
    raw = {**same.raw, "items": {"rendered": 0, "reused": same.items, "skipped": same.skipped}}
    return result_of(team_files, same.name, raw, digest, seconds, [], unchanged=True)
