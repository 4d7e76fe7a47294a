"""Whether an archive can be written at all: looked at before anything is."""

from __future__ import annotations

from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.archive.naming import (
    META,
    bad_items_path,
    index_path,
    manifest_path,
    root_path,
    volume_names,
)
from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.work_names import new_part
from airflow_savemasks.engine.storage.base import Storage


def check_targets(job: Job, team_files: Storage, name: str) -> None:
    """Raises SettingsError where one of an archive's files cannot be written: before anything is, or is replaced."""
    files = [f"{name}.tar", index_path(name), manifest_path(name), bad_items_path(name)]
    if not LAYOUTS[job.options.layout].has_files:
        shares = job.options.split.shares if job.options.split else ()
        files += [root_path(name, META), *(root_path(name, f"splits/{share}.txt") for share, _ in shares)]
    if job.options.volume_size is not None:
        files.append(volume_names(name, 2)[1])
    for file in [*files, new_part(job.layer.dst, job.digest)]:
        if problem := team_files.obstacle(file):
            fix = "Choose another dst, or clear the way"
            raise SettingsError(team_files.locate(file), f"cannot be written: {problem}", fix)
