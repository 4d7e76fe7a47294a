"""What is there already: earlier archives and finished parts, and the name of the archive to come."""

from __future__ import annotations

from collections.abc import Collection

from airflow_savemasks.engine.archive.naming import renamed
from airflow_savemasks.engine.archive.published import Published, look_at
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.finished import FinishedItems
from airflow_savemasks.engine.parts.receipts import Receipt, find_receipts
from airflow_savemasks.engine.parts.seen import Seen, exists
from airflow_savemasks.engine.parts.work_names import without_others
from airflow_savemasks.engine.storage.base import Storage


def find_finished(
    job: Job,
    team_files: Storage,
    seen: Seen,
    plan: str | None = None,
    written: Collection[Receipt] = (),
    *,
    only_look: bool = False,
) -> FinishedItems:
    """The items that need no rendering.

    plan: name of the plan that is being rendered or published; its own parts are taken where `reuse` is false, too.
    written: receipts of this process; only_look: nothing is written.
    """
    parts: list[Receipt] = []
    if plan or job.options.reuse:
        own = without_others(seen.work, job.digest)
        parts = find_receipts(team_files, job.layer.dst, own, written, only_look=only_look)
    if not job.options.reuse:
        parts = [receipt for receipt in parts if receipt.head.plan == plan]
    return FinishedItems(team_files, old_archives(job, team_files, seen), parts)


def find_same(job: Job, seen: Seen, digest: str) -> Published | None:
    """The archive of the same items, byte for byte, that lies there under the name that this export would give it.

    None as well where one could not be told from what is asked for now: other volumes, items that were left out as
    they could not be read.
    """
    if not job.options.reuse:
        return None
    old = seen.known.usable
    if old is None or old.plan != digest or old.volume_size != job.options.volume_size or old.unread:
        return None
    if old.skipped and (job.options.on_bad_item != "skip" or old.skipped > job.options.max_skipped):
        return None
    return old


def find_published(seen: Seen, plan: str) -> Published | None:
    """The archive that was made by the plan of this name, whatever `reuse` says: a task that is tried again asks."""
    old = seen.known.usable
    return old if old is not None and old.raw["plan"].get("name") == plan else None


def old_archives(job: Job, team_files: Storage, seen: Seen) -> list[Published]:
    """Archives that items may be taken from: the one that `reuse` names, and the one that is going to be replaced.

    Only archives whose files are still those of their manifests.
    """
    if not job.options.reuse or team_files.keeps_parts:
        return []  # keeps_parts: no ranges of an archive can be read there, and its parts are at hand
    known = [seen.known]
    if isinstance(job.options.reuse, str) and job.options.reuse != seen.name:
        known.insert(0, look_at(team_files, job.options.reuse))
    for one in known:
        if one.published is not None and not one.current:
            where = team_files.locate(one.published.name)
            log.warning("%s is not the archive of its manifest; nothing of it is reused", where)
    return [old for one in known if (old := one.usable) is not None]


def refuse_existing(job: Job, team_files: Storage) -> None:
    """Raises ArchiveError where the archive exists and must not."""
    if job.options.if_exists == "fail":
        free_name(job, team_files, job.layer.dst)


def free_name(job: Job, team_files: Storage, dst: str) -> str:
    """What an archive will be called, as `if_exists` says. Raises ArchiveError where it exists and must not."""
    if job.options.if_exists == "replace" or not exists(team_files, dst):
        return dst
    if job.options.if_exists == "fail":
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    return next(name for name in renamed(dst) if not exists(team_files, name))
