"""The export on one screen.

    job ─> make_plan ─> render_parts ─> assemble ─> Team Files

One task runs the three after each other; a fanned-out group puts workers between them. Each may be run again at any
time: what is finished stays and is found.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson

from airflow_savemasks.engine import native
from airflow_savemasks.engine import parts as part_files
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, ItemError, Stopped
from airflow_savemasks.engine.item import Rendered
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.manifest import index_path, manifest_path, read_manifest
from airflow_savemasks.engine.pipeline import render_all
from airflow_savemasks.engine.plan import Part, Plan, Planned, choose_window, cut_parts, read_items, write_items
from airflow_savemasks.engine.progress import Progress, log
from airflow_savemasks.engine.publish import assemble, find_finished, old_archives
from airflow_savemasks.engine.storage import CHUNK, Range, Storage
from airflow_savemasks.engine.strip import Strip, open_strip

MOST_BAD = 1000  # bad items after which an export stops looking for more


@dataclass(slots=True)
class Outcome:
    """How many parts were rendered and how many found finished; the errors of bad items."""

    rendered: int = 0
    reused: int = 0
    bad: list[ItemError] = field(default_factory=list)


def export(job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
    """The whole job in one process. Returns the result, plain JSON (see publish.assemble).

    Raises BadItemsError with all bad items, or another SaveMasksError; then nothing is published, and finished parts
    are kept for the next try.
    """
    began = time.monotonic()
    plan = make_plan(job, team_files)
    outcome = render_parts(job, team_files, plan, range(len(plan.parts)), stop, progress, alone=True)
    if stop.is_set():
        raise Stopped
    return assemble(job, team_files, plan, outcome.rendered, outcome.reused, time.monotonic() - began)


def make_plan(job: Job, team_files: Storage) -> Plan:
    """List the items, cut them into parts, and keep the plan in Team Files. Reads no picture.

    Also removes what a killed try left half-written. Raises ArchiveError if the archive exists and must not.
    """
    dst = job.layer.dst
    earlier = read_manifest(team_files, dst)
    if job.options.if_exists == "fail" and (earlier or team_files.stat(f"{dst}.tar")):
        raise ArchiveError(
            team_files.locate(f"{dst}.tar"), "exists already", "Choose another dst or if_exists='replace'"
        )
    team_files.sweep(part_files.folder_of(dst), [f"{dst}.tar", index_path(dst), manifest_path(dst)])
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="savemasks-") as scratch:
        file = Path(scratch) / "items.jsonl"
        items, picture_bytes = write_items(file, job.items(notes))
        known = [old.window for old in old_archives(job, team_files)]
        window = choose_window(items, picture_bytes, known[-1] if known else None, job.options.volume_size)
        parts = tuple(cut_parts(file, window, job.digest))
        digest = sha256(orjson.dumps([job.digest, [part.digest for part in parts]])).hexdigest()[:40]
        plan = Plan(dst, digest, job.digest, window, items, parts, (*job.warnings, *notes))
        with team_files.writing(_plan_file(dst, digest, "items.jsonl")) as out, file.open("rb") as lines:
            while chunk := lines.read(CHUNK):
                out.write(chunk)
        with team_files.writing(_plan_file(dst, digest, "plan.json")) as out:
            out.write(orjson.dumps(plan.to_json()))
    for warning in plan.warnings:
        log.warning(warning)
    if native.library is None:
        log.info("no compiled kernels: slower. Install a C compiler, then airflow-savemasks again")
    log.info("%s: %d items in %d parts", team_files.locate(f"{dst}.tar"), items, len(parts))
    return plan


def load_plan(job: Job, team_files: Storage, digest: str) -> Plan:
    """A plan that `make_plan` kept. Raises ArchiveError where the job is no longer the one that it was made for."""
    path = _plan_file(job.layer.dst, digest, "plan.json")
    plan = Plan.from_json(orjson.loads(team_files.read(path)))
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

    alone: nobody else renders parts of this plan, so that they may stand one after the other (strip.py).
    Looks at all items of these parts before it fails. Raises BadItemsError, Stopped, StorageError.
    """
    wanted = [plan.parts[number] for number in numbers]
    finished = find_finished(job, team_files, render=True)
    todo = [part for part in wanted if part.digest not in finished]
    outcome = Outcome(reused=len(wanted) - len(todo))
    total = sum(part.items for part in wanted)
    progress.start(total, total - sum(part.items for part in todo))
    items = chain.from_iterable(_items_of(team_files, plan, part) for part in todo)
    receipts = {part.digest: finished[part.digest].receipt for part in wanted if part.digest in finished}
    with (
        open_strip(job, team_files, plan, receipts) if alone and todo else nullcontext() as strip,
        closing(render_all(job, items, stop)) as results,
    ):
        for part in todo:
            results_of_part = islice(results, part.items)
            if _render_part(job, team_files, plan, part, results_of_part, outcome.bad, progress, strip):
                outcome.rendered += 1
            if len(outcome.bad) > max(MOST_BAD, job.options.max_skipped):
                break
    progress.say(progress.line())
    if outcome.bad and job.options.on_bad_item == "fail":
        raise BadItemsError(outcome.bad)
    if len(outcome.bad) > job.options.max_skipped:
        raise BadItemsError(outcome.bad, f"Mend them, or raise max_skipped above {job.options.max_skipped}")
    return outcome


class _Abandoned(Exception):
    """A part with bad items leaves nothing behind."""


def _render_part(
    job: Job,
    team_files: Storage,
    plan: Plan,
    part: Part,
    results: Iterator[Rendered],
    bad: list[ItemError],
    progress: Progress,
    strip: Strip | None,
) -> bool:
    """Write one part and its receipt; False if bad items keep it from being finished."""
    known_bad = len(bad)
    path = strip.path if strip else part_files.part_path(plan.dst, part.digest)
    offset = strip.end if strip else 0
    try:
        with strip.part() if strip else team_files.writing(path) as out:
            writer = part_files.PartWriter(out, part.digest)
            for rendered in results:
                if rendered.error is None:
                    writer.add(rendered)
                else:
                    log.error(str(rendered.error))
                    bad.append(rendered.error)
                    writer.skip(rendered)
                progress.add(sum(map(len, rendered.pieces)))
            if len(bad) > known_bad and job.options.on_bad_item == "fail":
                raise _Abandoned
            writer.close()
    except _Abandoned:
        return False
    part_files.write_receipt(team_files, plan.dst, writer, Range(path, offset, writer.summary.size))
    return True


def _items_of(team_files: Storage, plan: Plan, part: Part) -> Iterator[Planned]:
    file = _plan_file(plan.dst, plan.digest, "items.jsonl")
    return read_items(b"".join(team_files.stream(file, part.start, part.size)))


def _plan_file(dst: str, digest: str, kind: str) -> str:
    return f"{part_files.folder_of(dst)}/{digest}.{kind}"
