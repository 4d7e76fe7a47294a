"""What is removed: after an archive is published, and of exports that never ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from airflow_savemasks.engine.archive.bad_items import write_skipped
from airflow_savemasks.engine.archive.published import Placed, Published
from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts import receipts
from airflow_savemasks.engine.parts.growing import ENDING as GROWING_ENDING
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.storage.base import Storage

DAY = 24 * 3600.0  # seconds


def clean_up(
    team_files: Storage,
    plan: Plan,
    name: str,
    old: Published | None,
    files: Collection[str],
    placed: Sequence[Placed],
) -> list[str]:
    """What is left to do once an archive is published. It never fails the export: what goes wrong is a warning."""
    skipped = [bad for part in placed for bad in part.summary.skipped]
    steps: list[Callable[[], None]] = [
        lambda: write_skipped(team_files, name, skipped),
        lambda: team_files.delete([file for file in (old.volumes if old else ()) if file not in files]),
        lambda: remove_parts(team_files, plan),
    ]
    warnings = []
    for step in steps:
        try:
            step()
        except SaveMasksError as error:
            warnings.append(f"the archive is published, but something is left over: {error}")
            log.warning(warnings[-1])
    return warnings


def remove_parts(team_files: Storage, plan: Plan) -> None:
    """Remove the part files of a published archive, but for those that a storage without ranges has to keep."""
    own = receipts.folder_of(plan.dst)
    needed = {part.digest for part in plan.parts} if team_files.keeps_parts else set()
    team_files.delete([f"{own}/{name}" for name in team_files.listdir(own).files if _digest(name) not in needed])


def remove_unfinished(job: Job, team_files: Storage, plan: Plan, now: float) -> None:
    """Remove what exports of this archive that never ended left keep_parts_days ago, and this plan has no use for.

    now: seconds since 1970 by the storage's clock. Growing archives stay: their receipts say whether they are used.
    """
    own = receipts.folder_of(plan.dst)
    needed = {plan.digest, *(part.digest for part in plan.parts)}
    oldest = now - job.options.keep_parts_days * DAY
    stale = [
        f"{own}/{name}"
        for name, entry in team_files.listdir(own).files.items()
        if entry.modified < oldest and _digest(name) not in needed and not name.endswith(GROWING_ENDING)
    ]
    if stale:
        log.info("removing %d files of an export that never ended: %s", len(stale), team_files.locate(own))
        team_files.delete(stale)


def _digest(file: str) -> str:
    """The digest that a file of the work folder is named by."""
    return file.partition(".")[0]
