"""What needs no rendering: parts that earlier tries finished, and those of the archives that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_savemasks.engine.archive.naming import manifest_path, renamed
from airflow_savemasks.engine.archive.published import Placed, Published, is_current, read_manifest
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts import receipts
from airflow_savemasks.engine.storage.base import Storage


@dataclass(frozen=True, slots=True)
class Finished:
    """A part that needs no rendering: among the part files (receipt) or in an old archive (its place, the index)."""

    receipt: str | None
    placed: Placed | None
    index: str = ""


def find_reusable(job: Job, team_files: Storage) -> dict[str, Finished]:
    """Digest -> where the part lies, for the parts that need no rendering. Nothing where `reuse` is false."""
    if not job.options.reuse:
        return {}
    return _find(job, team_files, [receipts.WITH_SKIPPED])


def find_finished(job: Job, team_files: Storage) -> dict[str, Finished]:
    """Digest -> where the part lies, for the parts that can be published now.

    Those that left out items which could not be read are among them: the next export tries these again.
    """
    return _find(job, team_files, [receipts.WITH_SKIPPED, receipts.WITH_UNREAD])


def _find(job: Job, team_files: Storage, skipping: Sequence[str]) -> dict[str, Finished]:
    """skipping: endings of the receipts of parts that left out items, taken where on_bad_item is "skip"."""
    skips = job.options.on_bad_item == "skip"
    endings = [receipts.COMPLETE, *(skipping if skips else ())]
    found: dict[str, Finished] = {}
    for old in old_archives(job, team_files):
        for placed in old.parts:
            if not placed.summary.skipped or (skips and not placed.summary.unread):
                found[placed.summary.digest] = Finished(None, placed, old.index.file)
    for digest, receipt in receipts.find_receipts(team_files, job.layer.dst, endings).items():
        found[digest] = Finished(receipt, None)
    return found


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


def free_name(job: Job, team_files: Storage, dst: str) -> str:
    """What an archive will be called, as `if_exists` says. Raises ArchiveError where it exists and must not."""
    if job.options.if_exists == "replace" or not _exists(team_files, dst):
        return dst
    if job.options.if_exists == "fail":
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    return next(name for name in renamed(dst) if not _exists(team_files, name))


def _last_name(team_files: Storage, dst: str) -> str:
    last = dst
    for name in renamed(dst):
        if not _exists(team_files, name):
            return last
        last = name
    return last


def _exists(team_files: Storage, name: str) -> bool:
    return any(team_files.stat(file) is not None for file in (f"{name}.tar", manifest_path(name)))
