"""The routes below a task instance. All are GET, and all need the right to read the DAG's XComs (app.py)."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.naming import index_path, manifest_path, volume_names
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.ui import deliver, telling
from airflow_savemasks.ui.access import TaskRecord, record_of, records_of_run
from airflow_savemasks.ui.media import JSON
from airflow_savemasks.ui.previews import Previews, side_for
from airflow_savemasks.ui.shelf import Nothing, Shelf, Shown
from airflow_savemasks.ui.table import Question

RUN = "/api/dags/{dag_id}/runs/{run_id}"
TASK = f"{RUN}/tasks/{{task_id}}/{{map_index}}"
LINES = "application/jsonl"
MOST_PREVIEW = 40_000  # characters in base64
CLOCKS = 60.0  # seconds that two machines' clocks may differ
SHELF = Shelf()
PREVIEWS = Previews()
router = APIRouter()

Offset = Annotated[int, Query(ge=0, le=100_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
Text = Annotated[str, Query(max_length=500)]


def task_of(dag_id: str, run_id: str, task_id: str, map_index: str) -> TaskRecord:
    """map_index: a number; whatever else is there means a task that is not mapped, as Airflow leaves `{MAP_INDEX}`."""
    number = int(map_index) if re.fullmatch(r"[0-9]{1,9}", map_index) else -1
    record = record_of(dag_id, run_id, task_id, number)
    if record is None:
        raise HTTPException(404, "There is no such task instance")
    return record


def archive_of_task(record: Annotated[TaskRecord, Depends(task_of)]) -> Shown:
    return SHELF.archive(record)


Task = Annotated[TaskRecord, Depends(task_of)]
Open = Annotated[Shown, Depends(archive_of_task)]


@router.get(f"{RUN}/tasks")
def tasks(dag_id: str, run_id: str) -> dict[str, Any]:
    """The task instances of a run that export masks."""
    return {"tasks": [telling.task(record) for record in records_of_run(dag_id, run_id)]}


@router.get(f"{TASK}/summary")
def summary(record: Task) -> dict[str, Any]:
    """What the task returned, and how far it is; opens nothing."""
    return telling.summary(record)


@router.get(f"{TASK}/archive")
def archive(record: Task, shown: Open) -> dict[str, Any]:
    """What the manifest says: figures and classes."""
    return telling.archive(record, shown)


@router.get(f"{TASK}/items")
def items(
    shown: Open,
    offset: Offset = 0,
    limit: Limit = 60,
    q: Text = "",
    dataset: str | None = None,
    shows: str | None = None,
    unlabelled: bool = False,
) -> dict[str, Any]:
    """A page of the items that fit."""
    question = Question(q.strip(), dataset, shows, unlabelled)
    numbers = range(len(shown.archive)) if question.is_all else shown.table.find(question)
    page = [telling.item(shown.archive.item(number)) for number in numbers[offset : offset + limit]]
    return {"total": len(numbers), "offset": offset, "items": page}


@router.get(f"{TASK}/datasets")
def datasets(shown: Open) -> dict[str, Any]:
    """Datasets with the number of their items; pixels: of all pictures together."""
    table = shown.table
    return {
        "datasets": [{"name": name, "items": count} for name, count in table.datasets.items()],
        "pixels": table.area,
    }


@router.get(f"{TASK}/skipped")
def skipped(shown: Open, offset: Offset = 0, limit: Limit = 60, q: Text = "") -> dict[str, Any]:
    """Items that were left out, with reasons."""
    wanted = q.strip().casefold()
    found = [one for one in shown.archive.manifest["skipped"] if wanted in one["item"].casefold()]
    rows = [{"item": one["item"], "reason": one["reason"]} for one in found[offset : offset + limit]]
    return {"total": len(found), "offset": offset, "rows": rows}


@router.get(f"{TASK}/bad")
def bad(record: Task, offset: Offset = 0, limit: Limit = 60) -> dict[str, Any]:
    """The bad items of this task's last try, with place, fact and fix."""
    storage, path, entry = _bad_items(record)
    rows, total = [], 0
    for total, line in enumerate(read_lines(storage, path, entry.size, entry), 1):
        if offset < total <= offset + limit:
            rows.append(_bad_row(line))
    return {"total": total, "offset": offset, "rows": rows}


@router.get(f"{TASK}/items/{{number}}")
def item(shown: Open, number: int) -> dict[str, Any]:
    """One item by its number in the archive."""
    return telling.item(_item(shown, number))


@router.get(f"{TASK}/items/{{number}}/files/{{kind}}")
def file(
    request: Request,
    shown: Open,
    number: int,
    kind: str,
    mark: str = "",
    max_side: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """A file of an item: picture, human, machine or annotation; max_side: a preview instead."""
    one = _item(shown, number)
    try:
        return deliver.file_of(request, one, kind, mark, max_side and side_for(max_side), PREVIEWS)
    except ArchiveError:
        SHELF.forget(shown)
        raise


@router.get(f"{TASK}/items/{{number}}/zip")
def zipped(shown: Open, number: int) -> Response:
    """All files of an item."""
    one = _item(shown, number)
    try:
        return deliver.zip_of(one)
    except ArchiveError:
        SHELF.forget(shown)
        raise


@router.get(f"{TASK}/download/bad_items")
def download_bad_items(record: Task) -> Response:
    """The bad items as their file."""
    return deliver.stored(*_bad_items(record), LINES)


@router.get(f"{TASK}/download/{{what}}")
def download(shown: Open, what: str, volume: Annotated[int, Query(ge=1)] = 1) -> Response:
    """archive (one of its volumes), manifest or index."""
    raw = shown.archive.manifest
    if what == "archive":
        if volume > len(raw["volumes"]):
            raise HTTPException(404, "There is no such volume")
        known = raw["volumes"][volume - 1]
        path = volume_names(shown.name, len(raw["volumes"]))[volume - 1]
        return deliver.stored(shown.storage, path, Entry(known["size"], known["identity"], 0.0), "application/x-tar")
    if what == "manifest":
        return deliver.stored(shown.storage, manifest_path(shown.name), shown.entry, JSON)
    if what == "index":
        entry = Entry(raw["index"]["size"], raw["index"]["identity"], 0.0)
        return deliver.stored(shown.storage, index_path(shown.name), entry, LINES)
    raise HTTPException(404, "There is no such download")


def _item(shown: Shown, number: int) -> Any:
    if not 0 <= number < len(shown.archive):
        raise HTTPException(404, "There is no such item")
    return shown.archive.item(number)


def _bad_items(record: TaskRecord) -> tuple[Any, str, Entry]:
    storage, path = SHELF.bad_items(record)
    entry = storage.stat(path)
    if entry is None or _is_older(entry, record):
        raise Nothing("There are no bad items")
    return storage, path, entry


def _is_older(entry: Entry, record: TaskRecord) -> bool:
    """Whether a file was written before the task began, by another run: some storages do not tell."""
    if not entry.modified or record.started is None:
        return False
    return entry.modified < datetime.fromisoformat(record.started).timestamp() - CLOCKS


def _bad_row(line: bytes) -> dict[str, str]:
    try:
        found = orjson.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        found = {"fact": "this line of the file is damaged"}
    texts = {name: str(found.get(name, "")) for name in ("item", "place", "fact", "fix")}
    return texts | {"preview": _data_url(found.get("preview"))}


def _data_url(given: Any) -> str:
    """A preview as the address of an image; "" for what is no JPEG, or too large for one."""
    try:
        content = b64decode(given, validate=True) if isinstance(given, str) and len(given) < MOST_PREVIEW else b""
    except ValueError:
        content = b""
    return f"data:image/jpeg;base64,{given}" if content.startswith(b"\xff\xd8\xff") else ""
