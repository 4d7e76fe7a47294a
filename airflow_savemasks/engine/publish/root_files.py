"""The files of an archive's root and the lists of its shares: members of it, or files beside it, as its layout says.

Rules: more-masks, sections 8, 11 and 12.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.archive.naming import root_path
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.head import root_files
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish.splits import Splits, next_split
from airflow_savemasks.engine.storage.base import Piece, Storage
from airflow_savemasks.engine.storage.in_flight import at_once


def next_root(dst: str, number: int) -> str:
    """Where a file lies in the work folder until it is published."""
    return f"{folder_of(dst)}/next.root{number}"


def next_paths(dst: str, count: int, splits: int) -> list[str]:
    """The same for all files beside an archive, the last of which are the lists of shares.

    count: of files; where there are none, the lists are members of the archive.
    """
    beside = min(splits, count)
    return [next_root(dst, n) for n in range(count - beside)] + [next_split(dst, n) for n in range(beside)]


class RootFiles:
    """members: what the last volume ends with; beside: what lies beside the archive. Each with where its content is."""

    def __init__(self, job: Job, team_files: Storage, name: str, splits: Splits) -> None:
        self._dst, self._team_files = job.layer.dst, team_files
        self._contents: list[bytes] = []
        self.members: list[tuple[File, Piece]] = []
        self.beside: list[tuple[File, Piece]] = []
        if LAYOUTS[job.options.layout].has_files:
            self.members = splits.files()
            return
        for file, content in root_files(job):
            self._contents.append(content)
            told = File(file=root_path(name, file), size=len(content), sha256=sha256(content).hexdigest())
            self.beside.append((told, content))
        for list_, piece in splits.files():
            self.beside.append((list_.model_copy(update={"file": root_path(name, list_.file)}), piece))

    def keep(self) -> None:
        """Write those that are not in the work folder yet, for whoever ends what this run could not."""
        works = (partial(self._write, number, content) for number, content in enumerate(self._contents))
        at_once(self._team_files.remote, *works)

    def _write(self, number: int, content: bytes) -> None:
        with self._team_files.writing(next_root(self._dst, number)) as out:
            out.write(content)
