"""Archives that are open: the last few, each known by the manifest that it was opened with.

Nothing is opened but what a task's own result names, below the root of the connection that this task wrote through.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from airflow_savemasks.engine.archive.naming import BAD_ITEMS, manifest_path, name_problem
from airflow_savemasks.engine.errors import ArchiveError, SettingsError
from airflow_savemasks.engine.reading.archive import Archive
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.hooks.team_files import TeamFilesHook
from airflow_savemasks.operators.verify import name_of
from airflow_savemasks.ui.access import TaskRecord
from airflow_savemasks.ui.table import Table

MOST_ITEMS = 1_000_000  # of all archives that are kept open together, but for the last one
MOST = 8  # archives that are kept open
IN_AN_INSTANCE = "lies in the Team Files of an instance, of which no ranges can be read: its masks are not shown here"
OPENED_FOR = 60.0  # seconds that a connection's storage is used without looking the connection up again
LOOKED_FOR = 2.0  # seconds that a manifest is taken for the one that was there


class Nothing(Exception):
    """A task that has nothing of what was asked for. The text says why."""


@dataclass(slots=True)
class Shown:
    """An open archive. name: in Team Files; entry: its manifest's file; looked: when that was last seen."""

    storage: Storage
    name: str
    archive: Archive
    entry: Entry
    looked: float
    _table: Table | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def table(self) -> Table:
        """What is searched, made by the first search."""
        with self._lock:
            if self._table is None:
                self._table = Table(self.archive.lines())
            return self._table


class Shelf:
    """Used by all threads of the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._storages: dict[tuple[str | None, str | None], tuple[float, Storage]] = {}
        self._shown: OrderedDict[tuple[str, str], Shown] = OrderedDict()
        self._opening: dict[tuple[str, str], threading.Lock] = {}

    def archive(self, record: TaskRecord) -> Shown:
        """The archive that a task's result names.

        Raises Nothing where it names none; SaveMasksError where it lies elsewhere, is gone or damaged.
        """
        result = record.result
        if record.ours and isinstance(result, dict) and result.get("dry_run"):
            raise Nothing("This task only planned an export, and rendered nothing")
        if not record.ours or not isinstance(result, dict) or not isinstance(result.get("archive"), str):
            raise Nothing("This task has no archive of masks")
        storage, name = self._place(record, lambda storage: name_of({"archive": result["archive"]}, storage))
        if storage.keeps_parts:
            raise ArchiveError(
                result["archive"], IN_AN_INSTANCE, "Download it there, or export to a folder or a bucket"
            )
        key = storage.locate(""), name
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            shown = self._known(key, storage)
            if shown is None:
                shown = self._open(storage, name, result["archive"])
            self._keep(key, shown)
        return shown

    def forget(self, shown: Shown) -> None:
        """An archive that turned out to be another one now."""
        with self._lock:
            self._shown.pop((shown.storage.locate(""), shown.name), None)

    def bad_items(self, record: TaskRecord) -> tuple[Storage, str]:
        """Where the bad items of a task stand: storage and path. Raises Nothing, SaveMasksError."""
        if not record.ours:
            raise Nothing("This task exports no masks")
        named: Any = record.named.get("bad_items") if isinstance(record.named, dict) else None
        if not isinstance(named, str) or not named.endswith(BAD_ITEMS):
            raise Nothing("This task has named no bad items")
        return self._place(record, lambda storage: _below(storage, named))

    def _place(self, record: TaskRecord, find: Callable[[Storage], str]) -> tuple[Storage, str]:
        """The storage of a task and a path in it. A connection may have another root than a minute ago."""
        try:
            storage = self._storage(record)
            return storage, find(storage)
        except SettingsError:
            storage = self._storage(record, again=True)
            return storage, find(storage)

    def _storage(self, record: TaskRecord, *, again: bool = False) -> Storage:
        key = record.conn_id, record.executor
        with self._lock:
            opened, storage = self._storages.get(key, (0.0, None))
        if again or storage is None or time.monotonic() - opened > OPENED_FOR:
            storage = TeamFilesHook(record.conn_id, executor=record.executor).open()
            with self._lock:
                self._storages = {**dict(list(self._storages.items())[-MOST:]), key: (time.monotonic(), storage)}
        return storage

    def _known(self, key: tuple[str, str], storage: Storage) -> Shown | None:
        with self._lock:
            shown = self._shown.get(key)
        if shown is None or time.monotonic() - shown.looked < LOOKED_FOR:
            return shown
        if storage.stat(manifest_path(shown.name)) != shown.entry:
            self.forget(shown)
            return None
        shown.looked = time.monotonic()
        return shown

    def _open(self, storage: Storage, name: str, uri: str) -> Shown:
        before = storage.stat(manifest_path(name))
        archive = Archive(uri, lambda: storage, name, check_hashes=True)
        if before is None:
            raise ArchiveError(uri, "was published while it was opened", "Look again")
        return Shown(storage, name, archive, before, time.monotonic())

    def _keep(self, key: tuple[str, str], shown: Shown) -> None:
        with self._lock:
            self._shown[key] = shown
            self._shown.move_to_end(key)
            while len(self._shown) > 1 and (
                len(self._shown) > MOST or sum(len(one.archive) for one in self._shown.values()) > MOST_ITEMS
            ):
                gone, _ = self._shown.popitem(last=False)
                self._opening.pop(gone, None)


def _below(storage: Storage, uri: str) -> str:
    """The path of a URI below a storage's root. Raises SettingsError for one that lies elsewhere."""
    root = storage.locate("").rstrip("/") + "/"
    path = uri.removeprefix(root)
    if not uri.startswith(root) or name_problem(path.split("/")):
        raise SettingsError("bad items", f"{uri!r} does not lie in {root}", "Run the task again")
    return path
