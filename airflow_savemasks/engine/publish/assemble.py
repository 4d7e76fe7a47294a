"""Finished items to a published archive, and what is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from airflow_savemasks.engine.archive.published import Published, look_at, manifest_digest
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.plan import PlanFiles
from airflow_savemasks.engine.parts.receipts import Receipt
from airflow_savemasks.engine.parts.resume import find_finished, find_published, find_same
from airflow_savemasks.engine.parts.seen import Seen, look
from airflow_savemasks.engine.parts.work_names import without_others
from airflow_savemasks.engine.publish.cleanup import clean_up, remove_parts
from airflow_savemasks.engine.publish.described import Told
from airflow_savemasks.engine.publish.drawn import check_drawn, check_published
from airflow_savemasks.engine.publish.gates import check_gates, check_gates_of
from airflow_savemasks.engine.publish.lease import Lease, publishing_alone, unless_published
from airflow_savemasks.engine.publish.left_out_list import has_own_list, write_own_list
from airflow_savemasks.engine.publish.next_archive import NextArchive, next_archive, place_all
from airflow_savemasks.engine.publish.publishing import NEXT_MANIFEST, finish_publishing, publish
from airflow_savemasks.engine.publish.result import result_of
from airflow_savemasks.engine.publish.retention import earlier, remove_older
from airflow_savemasks.engine.publish.speed import speed_of
from airflow_savemasks.engine.publish.taken_out import take_out
from airflow_savemasks.engine.storage.base import Entry, Storage


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was rendered for an archive. items: how many; seconds: of rendering, those of all workers added up;
    receipts: of parts that this process has written; began: when what `seconds` of the result says began, as
    time.monotonic tells it.
    """

    items: int
    seconds: float = 0.0
    receipts: Collection[Receipt] = ()
    began: float = field(default_factory=time.monotonic)

    def since(self) -> float:
        """Seconds that it has taken by now."""
        return time.monotonic() - self.began


def assemble(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    rendered: Rendered,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """Publish the archive of a plan whose items are all finished, then remove the parts. Where the archive that is
    there is the same already, it stays, and nothing is written.

    Waits while somebody else publishes this archive (lease.py).

    Returns the result (docs/reference/result.md). Raises ArchiveError naming the items that are missing, or whoever
    does not come to the end of publishing, BadItemsError if more items were skipped than allowed, GateError (gates.py),
    SettingsError if no mask would show anything (drawn.py), and Stopped once `stop` is set.
    """
    result, name = _published(job, team_files, files, rendered, stop)
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
    rendered: Rendered,
    stop: threading.Event | None,
) -> tuple[dict[str, Any], str]:
    """The result and the name of the archive that is there afterwards."""
    dst = files.plan.dst
    if not files.plan.todo:
        seen = look(job, team_files)
        same = find_same(job, seen, files.plan.digest)
        if same is not None:
            is_left = bool(without_others(seen.work, files.plan.settings)) and not team_files.keeps_parts
            is_left = is_left or not has_own_list(team_files, same)
            with unless_published(team_files, dst, stop) if is_left else nullcontext() as alone:
                if alone is not None:
                    seen = _end_killed(job, team_files, look(job, team_files), alone)
                    same = find_same(job, seen, files.plan.digest)
                if same is not None:
                    if alone is not None and not has_own_list(team_files, same):
                        write_own_list(team_files, same)
                    parts = {} if alone is None else seen.work
                    return _unchanged(job, team_files, files, same, rendered.since(), parts), same.name
    with publishing_alone(team_files, dst, stop) as lease:
        seen = _end_killed(job, team_files, look(job, team_files), lease)
        same = find_same(job, seen, files.plan.digest)  # somebody else may have published the same meanwhile
        if same is not None:
            return _unchanged(job, team_files, files, same, rendered.since(), seen.work), same.name
        return _publish(job, team_files, files, seen, rendered, stop, lease)


def _end_killed(job: Job, team_files: Storage, seen: Seen, lease: Lease) -> Seen:
    """What lies there once the publishing of a run that was killed has come to its end, such as of an earlier try.

    seen: as it is before; what that run has not removed stands in its next manifest, which is going to be removed.
    """
    if NEXT_MANIFEST not in seen.work:
        return seen
    finish_publishing(team_files, job.layer.dst, lease)
    return look(job, team_files)


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
    rendered: Rendered,
    stop: threading.Event | None,
    lease: Lease,
) -> tuple[dict[str, Any], str]:
    """While nobody else does: find all items, place them, replace the archive, remove what is left.

    Returns the result and the archive's name.
    """
    plan = files.plan
    finished = find_finished(job, team_files, seen, plan.name, rendered.receipts)
    with next_archive(job, team_files, plan, seen) as archive:
        name, layout, old = archive.name, archive.layout, archive.replaces
        place_all(job, team_files, files, finished, archive, stop)
        check_drawn(job, layout.totals)
        where = team_files.locate(f"{name}.tar")
        gates = check_gates(job, archive.counted, _compared(job, team_files, archive, seen), where)
        speed = speed_of(rendered.items, rendered.seconds, old or seen.known.published)
        if len(layout.volumes) > 1 or (old and len(old.volumes) > 1):
            take_out(team_files, plan, layout, archive.index)
        told = Told(rendered.items, gates, speed)
        raw = publish(job, team_files, plan, archive, told, finished.leads, lease)
    ours = [file["file"] for file in (*raw["volumes"], raw["index"], *raw.get("root_files", ()))]
    warnings = clean_up(team_files, plan, name, old, ours, layout.totals.skipped, finished.found_in)
    digest = manifest_digest(raw)
    return result_of(team_files, name, raw, digest, rendered.since(), warnings, unchanged=False), name


def _compared(job: Job, team_files: Storage, archive: NextArchive, seen: Seen) -> Published | None:
    """The archive that drift is measured against: the one that is replaced, or the one before it.

    Looked for only where there is a gate for drift, or where it is known anyway.
    """
    if archive.replaces is not None or job.options.gates is None or job.options.gates.max_class_drift is None:
        return archive.replaces
    if seen.known.published is not None:
        return seen.known.published
    named = job.options.reuse if isinstance(job.options.reuse, str) else earlier(job, team_files, archive.name)
    return look_at(team_files, named).published if named else None


def _unchanged(
    job: Job, team_files: Storage, files: PlanFiles, same: Published, seconds: float, parts: Mapping[str, Entry]
) -> dict[str, Any]:
    """The result for an archive that is there already. parts: work files that go, where nobody else publishes it."""
    result = _same_result(job, team_files, same, seconds)
    if parts and not team_files.keeps_parts:
        remove_parts(team_files, files.plan, parts)
    elif files.storage is team_files:
        team_files.delete(files.paths())
    return result


def _same_result(job: Job, team_files: Storage, same: Published, seconds: float) -> dict[str, Any]:
    check_published(job, same.raw)
    digest = manifest_digest(same.raw)
    check_gates_of(job, team_files, same)
    raw = {**same.raw, "items": {"rendered": 0, "reused": same.items, "skipped": same.skipped}}
    return result_of(team_files, same.name, raw, digest, seconds, [], unchanged=True)
