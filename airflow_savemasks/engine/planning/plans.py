"""Making a plan, and keeping it where whoever renders or publishes its items finds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter

from airflow_savemasks.engine import native
from airflow_savemasks.engine.archive.naming import index_path, manifest_path
from airflow_savemasks.engine.errors import ArchiveError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.finished import Ended, FinishedItems
from airflow_savemasks.engine.parts.plan import Plan, PlanFiles, Planned, index_kind, plan_path
from airflow_savemasks.engine.parts.resume import find_finished, find_same, refuse_existing
from airflow_savemasks.engine.parts.seen import Seen, look
from airflow_savemasks.engine.parts.work_names import folder_of, new_name, only_others
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Source
from airflow_savemasks.engine.publish.cleanup import remove_unfinished
from airflow_savemasks.engine.publish.lease import lease_path, publishing_alone
from airflow_savemasks.engine.publish.publishing import finish_publishing, next_manifest
from airflow_savemasks.engine.publish.retention import check_keep
from airflow_savemasks.engine.publish.targets import check_targets
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.storage.in_flight import at_once

PLAN = TypeAdapter(Plan)


def make_plan(
    job: Job, team_files: Storage, kept: Storage, folder: str, stop: threading.Event | None = None
) -> PlanFiles:
    """List the items, find out which of them have to be rendered, and keep both lists. Reads no picture.

    kept, folder: where the lists are kept. Also removes what a killed try left half-written. Raises ArchiveError if the
    archive exists and must not, SettingsError if it cannot be written, Stopped once `stop` is set.
    """
    dst = job.layer.dst
    check_keep(job)
    check_targets(job, team_files, dst)
    seen, sweep = _begin(job, team_files, stop)

    def check() -> None:
        if stop is not None and stop.is_set():
            raise Stopped

    files: PlanFiles
    files, _ = at_once(team_files.remote, lambda: list_plan(job, kept, folder, check), sweep)
    plan = files.plan
    if find_same(job, seen, plan.digest) is not None:
        remove_unfinished(job, team_files, plan, only_others(seen.work, plan.settings))
    else:
        refuse_existing(job, team_files)
        finished = find_finished(job, team_files, seen)
        files = PlanFiles(kept, folder, _with_todo(finished, files, kept, folder, check))
        lists = (plan_path(folder, plan.name, kind) for kind in ("items.jsonl", "todo.jsonl"))
        used = replace(files.plan, found_in=(*files.plan.found_in, *lists))  # the plan's own files may be old already
        remove_unfinished(job, team_files, used, seen.work)
    for warning in plan.warnings:
        log.warning(warning)
    if native.library is None:
        log.warning("no compiled kernels: slower. Install a C compiler, then airflow-savemasks again")
    log.debug("%s: %d items, %d of them to render", team_files.locate(f"{dst}.tar"), plan.items, files.plan.todo)
    return files


def list_plan(job: Job, kept: Storage, folder: str, check: Callable[[], None] = lambda: None) -> PlanFiles:
    """List the items, none of which is to be rendered yet. Reads neither pictures nor annotations.

    kept, folder: where the list is kept; check: called for each item; may raise to stop.
    """
    remarks = Remarks()
    name = new_name(job.digest)
    with kept.writing(plan_path(folder, name, "items.jsonl")) as out:
        items, size, keys = _write(out, list_items(job, remarks), check)
    warnings = (*job.warnings, *remarks.warnings())
    counts = remarks.unannotated.count, remarks.orphans.count
    left_out = [remarks.left_out] if job.options.pick else []  # without `pick` digests stay what they were
    digest = sha256(orjson.dumps([job.digest, keys, warnings, counts, *left_out])).hexdigest()[:40]
    plan = Plan(job.layer.dst, name, digest, job.digest, items, 0, 0, size, 0, (), warnings, *counts, remarks.left_out)
    return PlanFiles(kept, folder, plan)


def _begin(job: Job, team_files: Storage, stop: threading.Event | None) -> tuple[Seen, Callable[[], object]]:
    """What lies there, and what is still to be done before anything is written: remove what a killed try left.

    Publishes what such a try had begun to. Waits for somebody who is at it now.
    """
    dst = job.layer.dst
    own = folder_of(dst)
    sweep = partial(team_files.remove_abandoned, own, [f"{dst}.tar", index_path(dst), manifest_path(dst)])
    seen = look(job, team_files)
    if not {f"{own}/{name}" for name in seen.work} & {lease_path(dst), next_manifest(dst)}:
        return seen, sweep
    with publishing_alone(team_files, dst, stop) as lease:
        sweep()
        finish_publishing(team_files, dst, lease)
    return look(job, team_files), lambda: None


def _with_todo(
    finished: FinishedItems, files: PlanFiles, kept: Storage, folder: str, check: Callable[[], None]
) -> Plan:
    """The plan with the items that have to be rendered, which are written to a list of their own."""
    picture_bytes = 0

    def missing() -> Iterable[Planned]:
        nonlocal picture_bytes
        for planned in files.items():
            if not isinstance(finished.find(planned), Ended):
                picture_bytes += planned.item.size
                yield planned

    with kept.writing(plan_path(folder, files.plan.name, "todo.jsonl")) as out:
        todo, size, _ = _write(out, missing(), check)
    found_in = tuple(sorted(finished.found_in))
    return replace(files.plan, todo=todo, todo_size=size, picture_bytes=picture_bytes, found_in=found_in)


def _write(out: BinaryIO, items: Iterable[Planned], check: Callable[[], None]) -> tuple[int, int, str]:
    """Write items, a line each; returns how many there are, how many bytes, and a digest of all keys in their order.

    check: called for each item; may raise to stop.
    """
    number = size = 0
    running = sha256()
    for planned in items:
        check()
        line = planned.to_line()
        out.write(line)
        running.update(planned.key.encode())
        number += 1
        size += len(line)
    return number, size, running.hexdigest()


def keep_plan(job: Job, team_files: Storage, plan: Plan) -> None:
    """Keep a plan whose lists lie in Team Files, for the other tasks of a group, with what finding the files took."""
    folder = folder_of(plan.dst)
    indices = []
    for source in {entry.source.uri: entry.source for entry in job.inputs}.values():
        if (index := source.index()) is not None:
            indices.append(index_kind(source.uri))
            with team_files.writing(plan_path(folder, plan.name, indices[-1])) as out:
                out.write(index)
    with team_files.writing(plan_path(folder, plan.name, "plan.json")) as out:
        out.write(orjson.dumps(replace(plan, indices=tuple(indices)).to_json()))


def use_indices(team_files: Storage, dst: str, plan: str, sources: Iterable[Source]) -> None:
    """Have sources take over what the plan's task found of them. Where it left nothing each looks for itself."""
    for source in sources:
        path = plan_path(folder_of(dst), plan, index_kind(source.uri))
        if source.is_indexed and team_files.stat(path) is not None:
            try:
                source.use_index(team_files.read(path))
            except ValueError as error:
                log.warning("%s: not used: %s", team_files.locate(path), error)


def load_plan(job: Job, team_files: Storage, name: str) -> PlanFiles:
    """A plan that `keep_plan` kept. Raises ArchiveError where the job is no longer the one that it was made for."""
    folder = folder_of(job.layer.dst)
    path = plan_path(folder, name, "plan.json")
    fix = "Clear the plan task, so that everything is planned again"
    try:
        plan = PLAN.validate_python(orjson.loads(team_files.read(path)))
    except ValueError as error:
        raise ArchiveError(team_files.locate(path), f"no plan that can be read ({error})", fix) from error
    if plan.settings != job.digest:
        fact = "the layer, a meta.json or a library is another than the one that it was made with"
        raise ArchiveError(team_files.locate(path), fact, fix)
    return PlanFiles(team_files, folder, plan)
