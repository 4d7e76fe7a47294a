"""Work folders of exports that never ran again: what lies there, how old it is, and removing it.

An export keeps what it finished in a work folder of its own, for its next try. Where that never comes, such as for
yesterday's name, it would stay for ever.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from airflow_savemasks.engine.errors import Changed, NotFound
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.work_names import folder_of, is_work_folder
from airflow_savemasks.engine.publish import clock
from airflow_savemasks.engine.publish.cleanup import DAY
from airflow_savemasks.engine.publish.lease import LEASE, Lease
from airflow_savemasks.engine.publish.publishing import NEXT_MANIFEST, finish_publishing
from airflow_savemasks.engine.publish.retention import finish_removing
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Entry, Storage
from airflow_savemasks.engine.storage.temporary import is_temporary

LARGEST = 1 << 20  # bytes of a plan or a manifest that is read for a name
DIGITS = 3  # of days

REMOVED = "removed"
WOULD_BE = "would be removed"
RECENT = "kept: younger than {:g} days"
IN_USE = "kept: an export is publishing from it"
UNNAMED = "kept: an archive is half published from it, and nothing says which one. Run its export again"


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """folder: where it lies; archive: that it is for, None where nothing in it says so; age_days: since a file in it
    was last written; fate: what became of it, in words.
    """

    folder: str
    archive: str | None
    files: int
    bytes: int
    age_days: float
    fate: str


def clean(
    team_files: Storage, older_than_days: float, stop: threading.Event | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    """Remove the work folders in which nothing was written for so many days; an archive is never touched.

    The age is by the storage's clock (in a dry run, which writes nothing, by this machine's). One that an export
    publishes from at this moment stays; what a killed one had begun to publish is published first. dry_run: only says
    what would be removed. Returns {"folders": [...], "removed", "bytes"}, plain JSON; bytes: of those that were, or
    would be, removed. Raises StorageError, ArchiveError, Stopped.
    """
    names = [name for name in team_files.listdir(WORK_FOLDER).folders if is_work_folder(name)]
    now = time.time() if dry_run or not names else clock.now(team_files, WORK_FOLDER)
    found = []
    for name in sorted(names):
        path = f"{WORK_FOLDER}/{name}"
        files = team_files.listdir(path).files
        if not files:
            continue
        archive = _archive(team_files, path, files)
        oldest = now - older_than_days * DAY
        age = (now - _last_write(files)) / DAY
        fate: str | None = None
        if _last_write(files) <= oldest:
            fate = WOULD_BE if dry_run else _remove(team_files, path, archive, oldest, stop)
        fate = fate or RECENT.format(older_than_days)
        size = sum(entry.size for entry in files.values())
        found.append(WorkFolder(team_files.locate(path), archive, len(files), size, round(max(age, 0.0), DIGITS), fate))
        log.debug("%s: %s", found[-1].folder, fate)
    gone = [one for one in found if one.fate in {REMOVED, WOULD_BE}]
    return {
        "folders": [asdict(one) for one in found],
        "removed": len(gone) if not dry_run else 0,
        "bytes": sum(one.bytes for one in gone),
    }


def _last_write(files: Mapping[str, Entry]) -> float:
    return max((entry.modified for entry in files.values()), default=0.0)


def _remove(
    team_files: Storage, path: str, archive: str | None, oldest: float, stop: threading.Event | None
) -> str | None:
    """None where somebody wrote to it after `oldest`: publishing first may take long, and workers render meanwhile."""
    finish_removing(team_files, path, stop)
    lease = Lease(team_files, path, stop or threading.Event())
    if lease.take() is not None:
        return IN_USE
    with lease.held():
        if archive is not None:
            finish_publishing(team_files, archive, lease)
        elif team_files.stat(f"{path}/{NEXT_MANIFEST}") is not None:
            return UNNAMED
        team_files.remove_abandoned(path, ())
        there = team_files.listdir(path).files
        files = {name: entry for name, entry in there.items() if name != LEASE and not is_temporary(name)}
        if _last_write(files) > oldest:
            return None
        team_files.delete([f"{path}/{name}" for name in files])
    return REMOVED


def _archive(team_files: Storage, path: str, files: dict[str, Entry]) -> str | None:
    """The name that an export asked for: as its plan has it, or what it was publishing."""
    for file, key in [(NEXT_MANIFEST, "name"), *((name, "dst") for name in files if name.endswith(".plan.json"))]:
        entry = files.get(file)
        if entry is None or entry.size > LARGEST:
            continue
        try:
            told = orjson.loads(team_files.read(f"{path}/{file}", entry))
        except (ValueError, NotFound, Changed):
            continue
        name = told.get(key) if isinstance(told, dict) else None
        if isinstance(name, str):
            asked = [one for one in (name, re.sub(r"_[0-9]{3,6}$", "", name)) if folder_of(one) == path]
            if asked:
                return asked[0]
    return None
