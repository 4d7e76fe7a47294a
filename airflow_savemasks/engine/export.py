"""The way of an item, on one screen: each step is a call into a room.

    make_plan     parts             what there is (list_items), split into parts named by a hash of what they depend on
    load_ahead    work              bytes of pictures and annotations, some items ahead
    render_all    work              header looked at, labels read and clipped, masks drawn, PNGs encoded
    write_part    parts, archive    members of a tar and a receipt; a retry finds them
    assemble      parts, archive    volumes, index, manifest: published

One task runs them after each other; a fanned-out group puts workers between planning and publishing. Each may be run
again at any time: what is finished stays and is found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from airflow_savemasks.engine.archive.bad_items import BadItems, write_batch
from airflow_savemasks.engine.archive.naming import bad_items_path
from airflow_savemasks.engine.errors import BadItemsError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.assemble import assemble
from airflow_savemasks.engine.parts.growing import open_growing
from airflow_savemasks.engine.parts.plan import Part, Plan
from airflow_savemasks.engine.parts.planning import items_of, make_plan
from airflow_savemasks.engine.parts.receipts import folder_of
from airflow_savemasks.engine.parts.resume import find_reusable
from airflow_savemasks.engine.parts.writing import write_part
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.work.loading import load_ahead
from airflow_savemasks.engine.work.rendering import render_all


@dataclass(slots=True)
class Outcome:
    """How many parts were rendered and how many found finished; the bad items."""

    rendered: int = 0
    reused: int = 0
    bad: BadItems = field(default_factory=BadItems)


def export(job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
    """The whole job in one process. Returns the result, plain JSON (see parts/assemble.py).

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
    skip_bad = job.options.on_bad_item == "skip"
    total = sum(part.items for part in wanted)
    progress.start(total, total - sum(part.items for part in todo))
    planned = chain.from_iterable(items_of(team_files, plan, part) for part in todo)
    receipts = {part.digest: finished[part.digest].receipt for part in wanted if part.digest in finished}
    with (
        open_growing(job, team_files, plan, receipts) if alone and todo else nullcontext() as growing,
        closing(load_ahead(job, planned, stop)) as loaded,
        closing(render_all(job, loaded, stop)) as rendered,
    ):
        for part in todo:
            items = islice(rendered, part.items)
            outcome.rendered += write_part(
                team_files, plan, part, items, outcome.bad, progress, growing, skip_bad=skip_bad
            )
    progress.say(progress.line())
    _report(job, team_files, plan, wanted, outcome.bad, alone=alone)
    return outcome


def _report(job: Job, team_files: Storage, plan: Plan, parts: Sequence[Part], bad: BadItems, *, alone: bool) -> None:
    """Write the file of bad items, and raise BadItemsError where there are more than may be left out."""
    too_many = bad.count > (job.options.max_skipped if job.options.on_bad_item == "skip" else 0)
    if not alone:
        first = plan.parts.index(parts[0]) if parts else 0
        file = write_batch(team_files, folder_of(plan.dst), plan.dst, plan.digest, first, bad)
    else:
        file = bad.write(team_files, bad_items_path(plan.dst)) if too_many else None
    if too_many and job.options.on_bad_item == "fail":
        raise BadItemsError(bad.first, None, bad.count, file)
    if too_many:
        fix = f"Mend them, or raise max_skipped above {job.options.max_skipped}"
        raise BadItemsError(bad.first, fix, bad.count, file)
