"""What an export would do, found out without rendering or writing anything: items, labels, bad items, bytes, time.

It reads what an export reads before it renders: the listing, the archive and the finished parts that are there, and
every annotation. What only pictures tell, such as that one is damaged, it cannot know.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems
from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.archive.published import Published, look_at
from airflow_savemasks.engine.errors import GateError, SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.finished import Ended, Finished
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.left_out import LeftOut
from airflow_savemasks.engine.parts.plan import Plan, PlanFiles
from airflow_savemasks.engine.parts.resume import find_finished, find_same, free_name, refuse_existing
from airflow_savemasks.engine.parts.seen import Seen, exists, look
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.planning.forecast import SHOWN, Forecast, OldItems
from airflow_savemasks.engine.planning.plans import list_plan
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish.drawn import check_published, expect_drawn
from airflow_savemasks.engine.publish.gates import Failed, check_gates_of, failed_gates
from airflow_savemasks.engine.publish.lease import lease_path
from airflow_savemasks.engine.publish.publishing import next_manifest
from airflow_savemasks.engine.publish.retention import check_keep, earlier
from airflow_savemasks.engine.publish.speed import known_speed
from airflow_savemasks.engine.publish.targets import check_targets
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.work.annotated import read_annotations

PENDING = (
    "an export of this archive is publishing now, or was killed while it did: the next one does the rest of that "
    "first, so more may be reused than is said here"
)


def dry_run(
    job: Job, team_files: Storage, stop: threading.Event, progress: Progress
) -> tuple[dict[str, Any], BadItems]:
    """What `export` of this job would do. Returns plain JSON (docs/how-to/planning.md), and all bad items.

    Writes nothing to Team Files. Raises what makes an export fail before it renders: SettingsError, ProjectError,
    ArchiveError, StorageError, and Stopped.
    """
    job.watch(stop)
    team_files.watch(stop)
    check_keep(job)
    check_targets(job, team_files, job.layer.dst)
    seen = look(job, team_files)
    pending = {f"{folder_of(job.layer.dst)}/{name}" for name in seen.work}
    warnings = [PENDING] if pending & {lease_path(job.layer.dst), next_manifest(job.layer.dst)} else []
    with tempfile.TemporaryDirectory(prefix="savemasks-") as scratch:
        files = list_plan(job, FolderStorage(Path(scratch)), WORK_FOLDER)
        same = find_same(job, seen, files.plan.digest)
        if same is None:
            refuse_existing(job, team_files)
        progress.start(files.plan.items, None, team_files.locate(f"{job.layer.dst}.tar"))
        forecast, bad = _count(job, team_files, seen, same, files, stop, progress)
    told = _told(job, team_files, seen, files.plan, same, forecast, bad)
    told["warnings"] += warnings
    items = told["items"]
    planned = f"{items['rendered']} to render, {items['reused']} reused, {items['skipped']} bad"
    progress.say(f"{told['would_write']}: only planned, {planned}")
    return told, bad


def _count(
    job: Job,
    team_files: Storage,
    seen: Seen,
    same: Published | None,
    files: PlanFiles,
    stop: threading.Event,
    progress: Progress,
) -> tuple[Forecast, BadItems]:
    forecast, bad = Forecast(left_out=files.plan.left_out), BadItems()
    finished = find_finished(job, team_files, seen, only_look=True)
    replaced = None if same is None and job.options.if_exists == "rename" else seen.known.usable
    old = OldItems(team_files, replaced, forecast.removed)
    own_name = LAYOUTS[job.options.layout].own_name
    for one in read_annotations(job, files.items(), stop):
        planned = one.planned
        progress.add(planned.item.annotation_size)
        found = finished.find(planned)
        if one.left_out or isinstance(found, LeftOut):
            forecast.left_out += 1
        elif one.error is not None and not isinstance(found, Ended):
            bad.add(BadItem.of(f"{planned.folder}/{planned.name}", one.error))
        else:
            taken = found if isinstance(found, Finished) else None
            forecast.add(planned, own_name(planned.item.name), one.labels, taken, old.take(planned.origin.place))
    old.finish()
    return forecast, bad


def _told(
    job: Job, team_files: Storage, seen: Seen, plan: Plan, same: Published | None, forecast: Forecast, bad: BadItems
) -> dict[str, Any]:
    name = same.name if same else free_name(job, team_files, plan.dst)
    items = {"rendered": forecast.rendered, "reused": forecast.reused, "skipped": bad.count}
    if same:  # it stays as it is, and so do the bad items that it lacks
        items = {"rendered": 0, "reused": same.items, "skipped": same.skipped}
    last = _last(job, team_files, seen, name)
    speed = known_speed(last)
    seconds = 0.0 if not items["rendered"] else speed.seconds_for(items["rendered"]) if speed else None
    would_fail, notes = _unchanged(job, team_files, same) if same else _failures(job, forecast, bad)
    told = {
        "dry_run": True,
        "would_write": team_files.locate(f"{name}.tar"),
        "replaces": same is None and name == plan.dst and exists(team_files, name),
        "unchanged": same is not None,
        "items": items,
        "added": forecast.added,
        "removed": forecast.removed.count,
        "removed_items": forecast.removed.first,
        "renamed": forecast.renamed.count,
        "renamed_items": forecast.renamed.first,
        "labels": forecast.labels,
        "unlabelled": forecast.unlabelled.count,
        "classes": _classes(job, forecast),
        "unannotated": plan.unannotated,
        "orphans": plan.orphans,
        "bad_items": [{key: one[key] for key in ("item", "fact", "fix")} for one in bad.read(SHOWN)],
        "bytes": same.bytes if same else forecast.size(len(head_of(job))),
        "seconds": None if seconds is None else round(seconds, 1),
        "measured_by": team_files.locate(f"{last.name}.tar") if last else None,
        "warnings": [*plan.warnings, *notes],
        "would_fail": would_fail,
    }
    if job.options.pick is not None:
        told["left_out"] = forecast.left_out
    return told


def _last(job: Job, team_files: Storage, seen: Seen, name: str) -> Published | None:
    """The archive by whose speed is measured: the newest of this name, or of the names before it."""
    if seen.known.published is not None:
        return seen.known.published
    before = earlier(job, team_files, name)
    return look_at(team_files, before).published if before else None


def _classes(job: Job, forecast: Forecast) -> list[dict[str, Any]]:
    """Every class of meta.json: on how many items it has how many labels; its colors, None where it is not drawn."""
    found = []
    for name in job.meta.classes:
        items, labels = forecast.by_class.get(name, (0, 0))
        shown = {kind: list(table[name]) if name in table else None for kind, table in _tables(job).items()}
        found.append({"name": name, "items": items, "labels": labels, **shown})
    return found


def _tables(job: Job) -> dict[str, Any]:
    tables = {"machine": job.colors.machine, "human": job.colors.human}
    return {kind: table for kind, table in tables.items() if table is not None}


def _failures(job: Job, forecast: Forecast, bad: BadItems) -> tuple[list[str], list[str]]:
    """Why the export would fail, and what it would warn of, as far as it is known now."""
    found, notes = [], []
    allowed = job.options.max_skipped if job.options.on_bad_item == "skip" else 0
    if bad.count > allowed:
        items = "item" if bad.count == 1 else "items"
        found.append(f"{bad.count} bad {items}; {allowed or 'none'} may be left out")
    labels = {name: count for name, (_, count) in forecast.by_class.items()}
    try:
        if note := expect_drawn(job, forecast.rendered + forecast.reused, labels):
            notes.append(note)
    except SettingsError as error:
        found.append(_fact(error))
    if not forecast.rendered + forecast.reused and forecast.left_out:
        found.append(f"pick leaves out all {forecast.left_out} pictures")
    if job.options.gates is not None:
        known = job.options.gates.model_copy(update={"max_empty_masks": None, "max_class_drift": None})
        found += _gates(failed_gates(known, forecast.counted(job.colors.counted)))
    return found, notes


def _unchanged(job: Job, team_files: Storage, same: Published) -> tuple[list[str], list[str]]:
    """The same of an archive that would stay as it is: all of it is known."""
    try:
        check_published(job, same.raw)
        check_gates_of(job, team_files, same)
    except GateError as error:
        return _gates(error.failed), []
    except SettingsError as error:
        return [_fact(error)], []
    return [], []


def _gates(failed: Iterable[Failed]) -> list[str]:
    return [f"gate {name}: {fact}" for name, fact, _ in failed]


def _fact(error: SettingsError) -> str:
    return f"{error.where}: {error.problem}"
