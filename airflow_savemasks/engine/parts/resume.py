"""What is there already: earlier archives and finished parts, and the name of the archive to come."""

from __future__ import annotations

from airflow_savemasks.engine.archive.naming import manifest_path, renamed
from airflow_savemasks.engine.archive.published import Published, is_current, read_manifest
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.finished import FinishedItems
from airflow_savemasks.engine.parts.receipts import find_receipts
from airflow_savemasks.engine.storage.base import Storage


def find_finished(job: Job, team_files: Storage, plan: str | None = None) -> FinishedItems:
    """The items that need no rendering.

    plan: name of the plan that is being rendered or published; its own parts are taken where `reuse` is false, too.
    """
    parts = find_receipts(team_files, job.layer.dst) if plan or job.options.reuse else []
    if not job.options.reuse:
        parts = [receipt for receipt in parts if receipt.head.plan == plan]
    return FinishedItems(team_files, old_archives(job, team_files), parts)


def find_same(job: Job, team_files: Storage, digest: str) -> Published | None:
    """The archive of the same items, byte for byte, that lies there under the name that this export would give it.

    None as well where one could not be told from what is asked for now: other volumes, items that were left out as
    they could not be read.
    """
    if not job.options.reuse:
        return None
    name = _current_name(job, team_files)
    old = read_manifest(team_files, name)
    if old is None or old.plan != digest or old.volume_size != job.options.volume_size or old.unread:
        return None
    if old.skipped and (job.options.on_bad_item != "skip" or old.skipped > job.options.max_skipped):
        return None
    return old if is_current(team_files, old) else None


def find_published(job: Job, team_files: Storage, plan: str) -> Published | None:
    """The archive that was made by the plan of this name, whatever `reuse` says: a task that is tried again asks."""
    old = read_manifest(team_files, _current_name(job, team_files))
    made_by = old.raw["plan"].get("name") if old is not None else None
    return old if old is not None and made_by == plan and is_current(team_files, old) else None


def old_archives(job: Job, team_files: Storage) -> list[Published]:
    """Archives that items may be taken from: the one that `reuse` names, and the one that is going to be replaced.

    Only archives whose files are still those of their manifests.
    """
    if not job.options.reuse or team_files.keeps_parts:
        return []  # keeps_parts: no ranges of an archive can be read there, and its parts are at hand
    name = _current_name(job, team_files)
    named = [job.options.reuse] if isinstance(job.options.reuse, str) else []
    usable = []
    for old in filter(None, (read_manifest(team_files, one) for one in dict.fromkeys([*named, name]))):
        if is_current(team_files, old):
            usable.append(old)
        else:
            log.warning("%s is not the archive of its manifest; nothing of it is reused", team_files.locate(old.name))
    return usable


def refuse_existing(job: Job, team_files: Storage) -> None:
    """Raises ArchiveError where the archive exists and must not."""
    if job.options.if_exists == "fail":
        free_name(job, team_files, job.layer.dst)


def free_name(job: Job, team_files: Storage, dst: str) -> str:
    """What an archive will be called, as `if_exists` says. Raises ArchiveError where it exists and must not."""
    if job.options.if_exists == "replace" or not _exists(team_files, dst):
        return dst
    if job.options.if_exists == "fail":
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    return next(name for name in renamed(dst) if not _exists(team_files, name))


def _current_name(job: Job, team_files: Storage) -> str:
    """The name of the newest archive of this layer."""
    return _last_name(team_files, job.layer.dst) if job.options.if_exists == "rename" else job.layer.dst


def _last_name(team_files: Storage, dst: str) -> str:
    last = dst
    for name in renamed(dst):
        if not _exists(team_files, name):
            return last
        last = name
    return last


def _exists(team_files: Storage, name: str) -> bool:
    return any(team_files.stat(file) is not None for file in (f"{name}.tar", manifest_path(name)))
