"""The way of an item, on one screen: each step is a call into a room.

    make_plan     planning          what there is (list_items), and which items have to be rendered
    load_ahead    work              bytes of pictures and annotations, some items ahead
    render_all    work              header looked at, labels read and clipped, masks drawn, PNGs encoded
    write         parts, archive    members of a tar and receipts (PartWriter); a retry finds them
    assemble      publish, archive  volumes, index, manifest: published

One task runs them after each other; a fanned-out group puts workers between planning and publishing. Each may be run
again at any time: what is finished stays and is found.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.archive.bad_items import BadItems, first_of, gather, write_batch
from airflow_savemasks.engine.archive.naming import bad_items_path
from airflow_savemasks.engine.errors import MEND, BadItemsError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.finished import Ended
from airflow_savemasks.engine.parts.growing import open_growing
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.plan import Plan, PlanFiles, Planned
from airflow_savemasks.engine.parts.receipts import Receipt
from airflow_savemasks.engine.parts.resume import find_finished
from airflow_savemasks.engine.parts.seen import look
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.parts.writing import PartWriter
from airflow_savemasks.engine.planning.plans import make_plan
from airflow_savemasks.engine.progress import Progress, outcome_line
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.publish.result import listed
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.summary import summary
from airflow_savemasks.engine.work.ways import Amount, rendered_items


@dataclass(slots=True)
class Outcome:
    """Receipts of the parts that were rendered; how many items were found finished; the bad items; and seconds that
    rendering took.
    """

    receipts: list[Receipt] = field(default_factory=list)
    reused: int = 0
    bad: BadItems = field(default_factory=BadItems)
    seconds: float = 0.0

    @property
    def rendered(self) -> int:
        """How many items were rendered."""
        return sum(receipt.head.items for receipt in self.receipts)


def export(job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
    """The whole job in one process. Returns the result, plain JSON (docs/reference/result.md).

    Raises BadItemsError with all bad items, or another SaveMasksError; then nothing is published, and finished items
    are kept for the next try.
    """
    began = time.monotonic()
    job.watch(stop)
    team_files.watch(stop)
    with tempfile.TemporaryDirectory(prefix="savemasks-") as scratch:
        with progress.stage("plan"):
            files = make_plan(job, team_files, FolderStorage(Path(scratch)), WORK_FOLDER, stop)
        with progress.stage("render"):
            outcome = render_plan(job, team_files, files, stop, progress)
        if stop.is_set():
            raise Stopped
        rendered = Rendered(outcome.rendered, outcome.seconds, outcome.receipts, began)
        with progress.stage("publish"):
            result = assemble(job, team_files, files, rendered, stop)
    return conclude(result, progress, progress.stages, listed(job))


def conclude(
    result: dict[str, Any], progress: Progress, stages: Mapping[str, float], sources: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The result with what only the whole of an export knows, told as the end of it.

    stages: seconds by stage; sources: what was listed (publish/result.py).
    """
    result |= {"stages": {name: round(seconds, 3) for name, seconds in stages.items()}, "sources": list(sources)}
    result["summary"] = summary(result)
    progress.say(outcome_line(result))
    return result


def render_plan(job: Job, team_files: Storage, files: PlanFiles, stop: threading.Event, progress: Progress) -> Outcome:
    """Render all items of a plan that have to be, while nobody else does.

    Looks at all of them before it fails. Raises BadItemsError, Stopped, StorageError.
    """
    plan = files.plan
    outcome = Outcome(reused=plan.items - plan.todo)
    progress.start(plan.items, outcome.reused, team_files.locate(f"{plan.dst}.tar"))
    if plan.todo:
        amount = Amount(plan.todo, plan.picture_bytes)
        _render(job, team_files, files, files.todo(), amount, outcome, stop, progress, first=0, alone=True)
    too_many = outcome.bad.count > _allowed(job)
    file = outcome.bad.write(team_files, bad_items_path(plan.dst)) if too_many else None
    _refuse_bad(job, outcome.bad, file, plan.items)
    return outcome


def render_batch(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    batch: dict[str, Any],
    stop: threading.Event,
    progress: Progress,
    *,
    refuse: bool = True,
) -> Outcome:
    """Render one batch of a plan (parts/batches.py), but for the items that an earlier try has finished.

    Looks at all of them before it fails. refuse: False leaves bad items to `refuse_batches`, for all batches together.
    Raises BadItemsError, Stopped, StorageError.
    """
    plan = files.plan
    finished = find_finished(job, team_files, look(job, team_files), plan.name)
    items = list(files.todo(batch["start"], batch["size"]))
    todo = [planned for planned in items if not isinstance(finished.find(planned), Ended)]
    outcome = Outcome(reused=len(items) - len(todo))
    progress.start(len(items), outcome.reused, f"{team_files.locate(f'{plan.dst}.tar')}, {batch['label']}")
    amount = Amount(len(todo), sum(planned.item.size for planned in todo))
    _render(job, team_files, files, todo, amount, outcome, stop, progress, first=batch["first"], alone=False)
    file = write_batch(team_files, folder_of(plan.dst), plan.dst, plan.name, batch["first"], outcome.bad)
    if refuse:
        _refuse_bad(job, outcome.bad, file, batch["items"])
    return outcome


def refuse_batches(job: Job, team_files: Storage, plan: Plan, count: int) -> None:
    """Raise BadItemsError with the bad items of all batches of a plan, where they are more than may be left out.

    count: how many the batches have told of. All of them stand in one file then.
    """
    if count > _allowed(job):
        file = gather(team_files, folder_of(plan.dst), plan.dst, plan.name)
        fix = f"{_fix(job)}; then clear the task that plans, with those below it"
        raise BadItemsError(first_of(team_files, plan.dst), fix, count, file, plan.items)


def _render(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    todo: Iterable[Planned],
    amount: Amount,
    outcome: Outcome,
    stop: threading.Event,
    progress: Progress,
    *,
    first: int,
    alone: bool,
) -> None:
    """Items from their sources to finished parts.

    first: number of the first one among those to render; alone: parts may stand one after the other (growing.py).
    """
    began = time.monotonic()
    from_the_start = first == 0 and files.plan.todo == files.plan.items
    # a part that begins as the archive does can be copied on the server as it is
    lead = head_of(job) if from_the_start and team_files.remote else b""
    with (
        open_growing(job, team_files, files.plan) if alone else nullcontext() as growing,
        closing(rendered_items(job, todo, amount, stop)) as rendered,
    ):
        skip_bad = job.options.on_bad_item == "skip"
        writer = PartWriter(team_files, files.plan, outcome.bad, progress, growing, skip_bad, lead)
        outcome.receipts += writer.write(rendered)
    outcome.seconds += time.monotonic() - began
    progress.show(progress.line())


def _allowed(job: Job) -> int:
    return job.options.max_skipped if job.options.on_bad_item == "skip" else 0


def _refuse_bad(job: Job, bad: BadItems, file: str | None, items: int) -> None:
    """Raise BadItemsError where there are more bad items than may be left out. file: where all of them stand."""
    if bad.count <= _allowed(job):
        return
    raise BadItemsError(bad.first, _fix(job), bad.count, file, items)


def _fix(job: Job) -> str:
    if job.options.on_bad_item == "skip":
        return f"Mend them, or raise max_skipped above {job.options.max_skipped}"
    return MEND
