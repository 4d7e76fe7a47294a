"""What lies in Team Files where a step of an export begins: looked at once, and told to whoever asks.

Behind a network each look is a round trip, so those that do not need each other are made at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from airflow_savemasks.engine.archive.naming import manifest_path, renamed
from airflow_savemasks.engine.archive.published import Known, look_at
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.engine.storage.in_flight import at_once
from airflow_savemasks.engine.storage.temporary import is_temporary


@dataclass(frozen=True, slots=True)
class Seen:
    """work: the files of the work folder, by name; name: of the newest archive of the layer; known: its manifest."""

    work: Mapping[str, Entry]
    name: str
    known: Known


def look(job: Job, team_files: Storage) -> Seen:
    """Look at the work folder and at the newest archive of a layer. Raises StorageError, Stopped."""
    work, (name, known) = at_once(
        team_files.remote, partial(work_files, team_files, job.layer.dst), partial(_newest, job, team_files)
    )
    return Seen(work, name, known)


def work_files(team_files: Storage, dst: str) -> Mapping[str, Entry]:
    """The files of an archive's work folder, by name, but for those that somebody is writing, or died writing.

    These are nobody's but their writer's; `remove_abandoned` tells whether that one lives.
    """
    files = team_files.listdir(folder_of(dst)).files
    return {name: entry for name, entry in files.items() if not is_temporary(name)}


def newest_name(job: Job, team_files: Storage) -> str:
    """The name of the newest archive of a layer."""
    last = job.layer.dst
    if job.options.if_exists == "rename":
        for name in renamed(job.layer.dst):
            if not exists(team_files, name):
                break
            last = name
    return last


def exists(team_files: Storage, name: str) -> bool:
    """Whether an archive, or the manifest of one, has this name."""
    return any(team_files.stat(file) is not None for file in (f"{name}.tar", manifest_path(name)))


def _newest(job: Job, team_files: Storage) -> tuple[str, Known]:
    name = newest_name(job, team_files)
    return name, look_at(team_files, name)
