"""The storage's own clock, which is that of the files in it. This machine's may be wrong."""

from __future__ import annotations

from uuid import uuid4

from airflow_savemasks.engine.storage.base import Storage


def now(team_files: Storage, folder: str) -> float:
    """Seconds since 1970 by the storage's clock, told by a file that is written to a folder and removed again."""
    path = f"{folder}/clock-{uuid4().hex}"
    with team_files.writing(path):
        pass
    entry = team_files.stat(path)
    team_files.delete([path])
    return entry.modified if entry else 0.0
