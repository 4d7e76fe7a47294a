"""The export on one screen.

    job ─> make_plan ─> render_parts ─> assemble ─> Team Files

One task runs the three after each other; a fanned-out group puts workers between them. Each may be run again at any
time: what is finished stays and is found.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from airflow_savemasks.engine import native
from airflow_savemasks.engine.archive.bad_items import BadItems, write_batch
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.archive.naming import bad_items_path, index_path, manifest_path
from airflow_savemasks.engine.archive.published import read_manifest
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts import receipts as part_files
from airflow_savemasks.engine.parts.assemble import assemble, check_targets
from airflow_savemasks.engine.parts.cleanup import remove_unfinished
from airflow_savemasks.engine.parts.growing import GrowingArchive, open_growing
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
from airflow_savemasks.engine.parts.resume import find_reusable, old_archives
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.storage.base import CHUNK, Range, Storage
from airflow_savemasks.engine.work.pipeline import render_all

PLAN = TypeAdapter(Plan)


@dataclass(slots=True)
class Outcome:
    """How many parts were rendered and how many found finished; the bad items."""

    rendered: int = 0
    reused: int = 0
    bad: BadItems = field(default_factory=BadItems)


def export(job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
    """The whole job in one process. Returns the result, plain JSON (see publish.assemble).

    Raises BadItemsError with all bad items, or another SaveMasksError; then nothing is published, and finished parts
    are kept for the next try.
    """
    began = time.monotonic()
    job.watch(stop)
    team_files.watch(stop)
    plan = make_plan(job, team_files, stop)
    outcome = render_parts(job, team_files, plan, range(len(plan.parts)), stop, progress, alone=True)
    if stop.is_set():
        raise Stopped
    return assemble(job, team_files, plan, outcome.rendered, outcome.reused, time.monotonic() - began)


def make_plan(job: Job, team_files: Storage, stop: threading.Event | None = None) -> Plan:
    """List the items, cut them into parts, and keep the plan in Team Files. Reads no picture.

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
    team_files.remove_abandoned(part_files.folder_of(dst), [f"{dst}.tar", index_path(dst), manifest_path(dst)])
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


def render_parts(
    job: Job,
    team_files: Storage,
    plan: Plan,
    numbers: Iterable[int],
    stop: threading.Event,
    progress: Progress,
    *,
    alone: bool = False,
) -> Outcome:
    """Have some parts of a plan finished: render those that lie neither among the parts nor in the old archive.

    alone: nobody else renders parts of this plan, so that they may stand one after the other (growing.py).
    Looks at all items of these parts before it fails. Raises BadItemsError, Stopped, StorageError.
    """
    wanted = [plan.parts[number] for number in numbers]
    finished = find_reusable(job, team_files)
    todo = [part for part in wanted if part.digest not in finished]
    outcome = Outcome(reused=len(wanted) - len(todo))
    total = sum(part.items for part in wanted)
    progress.start(total, total - sum(part.items for part in todo))
    items = chain.from_iterable(_items_of(team_files, plan, part) for part in todo)
    receipts = {part.digest: finished[part.digest].receipt for part in wanted if part.digest in finished}
    with (
        open_growing(job, team_files, plan, receipts) if alone and todo else nullcontext() as growing,
        closing(render_all(job, items, stop)) as results,
    ):
        for part in todo:
            results_of_part = islice(results, part.items)
            if _render_part(job, team_files, plan, part, results_of_part, outcome.bad, progress, growing):
                outcome.rendered += 1
    progress.say(progress.line())
    _report(job, team_files, plan, wanted, outcome.bad, alone=alone)
    return outcome


def _report(job: Job, team_files: Storage, plan: Plan, parts: Sequence[Part], bad: BadItems, *, alone: bool) -> None:
    """Write the file of bad items, and raise BadItemsError where there are more than may be left out."""
    too_many = bad.count > (job.options.max_skipped if job.options.on_bad_item == "skip" else 0)
    if not alone:
        first = plan.parts.index(parts[0]) if parts else 0
        file = write_batch(team_files, part_files.folder_of(plan.dst), plan.dst, plan.digest, first, bad)
    else:
        file = bad.write(team_files, bad_items_path(plan.dst)) if too_many else None
    if too_many and job.options.on_bad_item == "fail":
        raise BadItemsError(bad.first, None, bad.count, file)
    if too_many:
        fix = f"Mend them, or raise max_skipped above {job.options.max_skipped}"
        raise BadItemsError(bad.first, fix, bad.count, file)


class _Abandoned(Exception):
    """A part with bad items leaves nothing behind."""


def _render_part(
    job: Job,
    team_files: Storage,
    plan: Plan,
    part: Part,
    results: Iterator[Rendered],
    bad: BadItems,
    progress: Progress,
    growing: GrowingArchive | None,
) -> bool:
    """Write one part and its receipt; False if bad items keep it from being finished."""
    known_bad = bad.count
    path = growing.path if growing else part_files.part_path(plan.dst, part.digest)
    offset = growing.end if growing else 0
    try:
        with growing.part() if growing else team_files.writing(path) as out:
            writer = part_files.PartWriter(out, part.digest)
            for rendered in results:
                if rendered.error is None:
                    writer.add(rendered)
                else:
                    log.error(str(rendered.error))
                    writer.skip(rendered)
                    bad.add(writer.summary.skipped[-1])
                progress.add(sum(map(len, rendered.pieces)))
            if bad.count > known_bad and job.options.on_bad_item == "fail":
                raise _Abandoned
            writer.close()
    except _Abandoned:
        return False
    place = Range(path, offset, writer.summary.size)
    part_files.write_receipt(team_files, plan.dst, writer.summary, writer.lines, place)
    return True


def _items_of(team_files: Storage, plan: Plan, part: Part) -> Iterator[Planned]:
    file = _plan_file(plan.dst, plan.digest, "items.jsonl")
    return read_items(b"".join(team_files.stream(file, part.start, part.size)))


def _plan_file(dst: str, digest: str, kind: str) -> str:
    return f"{part_files.folder_of(dst)}/{digest}.{kind}"
