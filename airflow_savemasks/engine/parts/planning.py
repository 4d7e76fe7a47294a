"""Making a plan and keeping it in Team Files, where whoever renders or publishes its parts finds it."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from airflow_savemasks.engine import native
from airflow_savemasks.engine.archive.naming import index_path, manifest_path
from airflow_savemasks.engine.archive.published import read_manifest
from airflow_savemasks.engine.errors import ArchiveError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.assemble import check_targets
from airflow_savemasks.engine.parts.cleanup import remove_unfinished
from airflow_savemasks.engine.parts.listing import list_items
from airflow_savemasks.engine.parts.plan import (
    Part,
    Plan,
    Planned,
    choose_window,
    read_items,
    split_into_parts,
    write_items,
)
from airflow_savemasks.engine.parts.receipts import folder_of
from airflow_savemasks.engine.parts.resume import old_archives
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.storage.base import CHUNK, Storage

PLAN = TypeAdapter(Plan)


def make_plan(job: Job, team_files: Storage, stop: threading.Event | None = None) -> Plan:
    """List the items, split them into parts, and keep the plan in Team Files. Reads no picture.

    Also removes what a killed try left half-written. Raises ArchiveError if the archive exists and must not,
    SettingsError if it cannot be written, Stopped once `stop` is set.
    """
    dst = job.layer.dst
    check_targets(job, team_files, dst)
    earlier = read_manifest(team_files, dst)
    if job.options.if_exists == "fail" and (earlier or team_files.stat(f"{dst}.tar")):
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    team_files.remove_abandoned(folder_of(dst), [f"{dst}.tar", index_path(dst), manifest_path(dst)])
    remarks = Remarks()

    def check() -> None:
        if stop is not None and stop.is_set():
            raise Stopped

    with tempfile.TemporaryDirectory(prefix="savemasks-") as scratch:
        file = Path(scratch) / "items.jsonl"
        items, picture_bytes = write_items(file, list_items(job, remarks), check)
        known = [old.window for old in old_archives(job, team_files)]
        window = choose_window(items, picture_bytes, known[-1] if known else None, job.options.volume_size)
        parts = tuple(split_into_parts(file, window, job.digest, check))
        digest = sha256(orjson.dumps([job.digest, [part.digest for part in parts]])).hexdigest()[:40]
        warnings = (*job.warnings, *remarks.warnings())
        counts = remarks.unannotated.count, remarks.orphans.count
        plan = Plan(dst, digest, job.digest, window, items, parts, warnings, *counts)
        with team_files.writing(_plan_file(dst, digest, "items.jsonl")) as out, file.open("rb") as lines:
            while chunk := lines.read(CHUNK):
                out.write(chunk)
        with team_files.writing(_plan_file(dst, digest, "plan.json")) as out:
            out.write(orjson.dumps(plan.to_json()))
    written = team_files.stat(_plan_file(dst, digest, "plan.json"))
    if written is not None:  # by the clock that the files beside it have, too
        remove_unfinished(job, team_files, plan, written.modified)
    for warning in plan.warnings:
        log.warning(warning)
    if native.library is None:
        log.info("no compiled kernels: slower. Install a C compiler, then airflow-savemasks again")
    log.info("%s: %d items in %d parts", team_files.locate(f"{dst}.tar"), items, len(parts))
    return plan


def load_plan(job: Job, team_files: Storage, digest: str) -> Plan:
    """A plan that `make_plan` kept. Raises ArchiveError where the job is no longer the one that it was made for."""
    path = _plan_file(job.layer.dst, digest, "plan.json")
    try:
        plan = PLAN.validate_python(orjson.loads(team_files.read(path)))
    except ValueError as error:
        fix = "Clear the plan task, so that everything is planned again"
        raise ArchiveError(team_files.locate(path), f"no plan that can be read ({error})", fix) from error
    if plan.settings != job.digest:
        raise ArchiveError(
            team_files.locate(path),
            "the layer, a meta.json or a library is another than the one that it was made with",
            "Clear the plan task, so that everything is planned again",
        )
    return plan


def items_of(team_files: Storage, plan: Plan, part: Part) -> Iterator[Planned]:
    """The items of one part of a plan."""
    file = _plan_file(plan.dst, plan.digest, "items.jsonl")
    return read_items(b"".join(team_files.stream(file, part.start, part.size)))


def _plan_file(dst: str, digest: str, kind: str) -> str:
    return f"{folder_of(dst)}/{digest}.{kind}"
