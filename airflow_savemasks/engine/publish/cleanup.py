"""What is removed: after an archive is published, and of exports that never ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from airflow_savemasks.engine.archive.bad_items import Skipped, write_skipped
from airflow_savemasks.engine.archive.published import Published
from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.growing import ENDING as GROWING_ENDING
from airflow_savemasks.engine.parts.growing import remove_growing
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.parts.work_names import folder_of, is_of_others, without_others
from airflow_savemasks.engine.publish import clock
from airflow_savemasks.engine.publish.lease import lease_path
from airflow_savemasks.engine.publish.publishing import next_manifest
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.engine.storage.in_flight import at_once

DAY = 24 * 3600.0  # seconds


def clean_up(
    team_files: Storage,
    plan: Plan,
    name: str,
    old: Published | None,
    files: Collection[str],
    skipped: Sequence[Skipped],
    found_in: Collection[str],
) -> list[str]:
    """What is left to do once an archive is published. It never fails the export: what goes wrong is a warning.

    Parts of an export of the same archive with other settings stay: it may be rendering, or be tried again.

    old: what it replaced; files: its own; found_in: the work files whose items are in it.
    """
    replaced = [file for file in (old.files if old else ()) if file not in files]
    warnings: list[str] = []
    there: dict[str, Entry] = {}
    steps: tuple[Callable[[], None], ...] = (
        lambda: write_skipped(team_files, name, [one.bad for one in skipped]),
        lambda: team_files.delete(replaced),
        lambda: there.update(work_files(team_files, plan.dst)),
    )
    at_once(team_files.remote, *(partial(_try, step, warnings) for step in steps))
    needed = set(found_in if team_files.keeps_parts else ())
    if warnings:
        needed.add(next_manifest(plan.dst))  # by which the next run does what is left
    _try(lambda: remove_parts(team_files, plan, there, needed), warnings)
    return warnings


def _try(step: Callable[[], None], warnings: list[str]) -> None:
    try:
        step()
    except SaveMasksError as error:
        warnings.append(f"the archive is published, but something is left over: {error}")
        log.warning(warnings[-1])


def remove_parts(team_files: Storage, plan: Plan, files: Mapping[str, Entry], needed: Collection[str] = ()) -> None:
    """Remove the work files of a published archive, but for those that a storage without ranges has to keep.

    files: of the work folder, by name. The lease stays, whoever holds it: who does removes it last.
    """
    own = folder_of(plan.dst)
    paths = [f"{own}/{name}" for name in without_others(files, plan.settings)]
    team_files.delete([path for path in paths if path not in needed and path != lease_path(plan.dst)])


def remove_unfinished(job: Job, team_files: Storage, plan: Plan, files: Mapping[str, Entry]) -> None:
    """Remove what exports of this archive that never ended left keep_parts_days ago, and this plan has no use for.

    files: of the work folder, by name. The storage's clock counts. Growing archives with these settings stay: their
    receipts say whether they are used.
    """
    own = folder_of(plan.dst)
    if not files:
        return
    oldest = clock.now(team_files, own) - job.options.keep_parts_days * DAY
    needed = {*plan.found_in, lease_path(plan.dst)}
    old = [name for name, entry in files.items() if entry.modified < oldest and f"{own}/{name}" not in needed]
    for name in old:
        if name.endswith(GROWING_ENDING) and is_of_others(name, plan.settings):
            remove_growing(team_files, f"{own}/{name}")
    stale = [f"{own}/{name}" for name in old if not name.endswith(GROWING_ENDING)]
    if stale:
        log.debug("removing %d files of an export that never ended: %s", len(stale), team_files.locate(own))
        team_files.delete(stale)
