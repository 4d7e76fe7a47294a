"""The steps of an export as tasks of their own, for a task group that spreads it over workers (task_groups.py)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_savemasks.operators.masks_page import MasksLink
from airflow_savemasks.operators.save_masks import SaveMasksOperator

if TYPE_CHECKING:
    import threading

    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage.base import Storage

MOST_BATCHES = 1024  # Airflow's [core] max_map_length


class PlanOperator(SaveMasksOperator):
    """Lists the items and deals those that need rendering out to batches.

    Returns at least one batch: plain JSON, see engine/parts/batches.py; its "label" is for the UI.
    """

    operator_extra_links = ()  # it makes no archive

    def __init__(self, *, batches: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 1 <= batches <= MOST_BATCHES:
            raise ValueError(f"batches: {batches} is not between 1 and {MOST_BATCHES}")
        self.batches = batches

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> list[dict[str, Any]]:
        from airflow_savemasks.engine.parts.batches import make_batches
        from airflow_savemasks.engine.parts.work_names import folder_of
        from airflow_savemasks.engine.planning.plans import keep_plan, make_plan
        from airflow_savemasks.engine.progress import items
        from airflow_savemasks.engine.publish.result import listed

        began = time.monotonic()
        with progress.stage("plan"):
            files = make_plan(job, team_files, team_files, folder_of(job.layer.dst), stop)
            keep_plan(job, team_files, files.plan)
            batches = make_batches(files, self.batches)
        plan = files.plan
        progress.start(plan.items, plan.items - plan.todo, team_files.locate(f"{plan.dst}.tar"))
        seconds = time.monotonic() - began
        progress.say(f"{items(plan.todo)} to render in {len(batches)} batches, planned in {seconds:.1f} s")
        batches[0] |= {"plan_seconds": round(seconds, 3), "sources": listed(job)}
        return batches


class RenderOperator(SaveMasksOperator):
    """Renders the items of one batch; mapped over what PlanOperator returned.

    Returns {"rendered", "reused", "bad", "seconds"}.

    Bad items fail AssembleOperator, in which those of all batches come together; only where they are to be retried
    (`retry_bad_items`) do they fail their own batch.
    """

    template_fields: Sequence[str] = (*SaveMasksOperator.template_fields, "batch")
    operator_extra_links = (MasksLink(),)  # its bad items

    def __init__(self, *, batch: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch

    def plan_name(self) -> str:
        return str(self.batch["plan"])

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
        from airflow_savemasks.engine.export import render_batch
        from airflow_savemasks.engine.planning.plans import load_plan

        files = load_plan(job, team_files, self.plan_name())
        again = job.options.retry_bad_items
        with progress.stage("render"):
            outcome = render_batch(job, team_files, files, self.batch, stop, progress, refuse=again)
        seconds = progress.stages["render"]
        counts = {"rendered": outcome.rendered, "reused": outcome.reused, "bad": outcome.bad.count}
        said = ", ".join(f"{count} {what}" for what, count in counts.items())
        progress.say(f"{self.batch['label']}: {said}, {progress.pace()}, {seconds:.1f} s")
        if outcome.bad.count:
            self.log.warning("%d bad items: the task that assembles names those of all batches", outcome.bad.count)
        return {**counts, "seconds": round(outcome.seconds, 3)}


class AssembleOperator(SaveMasksOperator):
    """Publishes the archive once all batches are done. Refuses, naming them, where items are missing or bad."""

    template_fields: Sequence[str] = (*SaveMasksOperator.template_fields, "plan", "outcomes")

    def __init__(self, *, plan: Any, outcomes: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.outcomes = outcomes

    def plan_name(self) -> str:
        return str(self.plan[0]["plan"])

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
        from airflow_savemasks.engine.errors import NotFound
        from airflow_savemasks.engine.export import conclude, refuse_batches
        from airflow_savemasks.engine.planning.plans import load_plan
        from airflow_savemasks.engine.publish.assemble import Rendered, assemble, find_result

        seconds = sum(outcome.get("seconds", 0.0) for outcome in self.outcomes)
        rendered = Rendered(sum(outcome["rendered"] for outcome in self.outcomes), seconds)
        before = {"plan": self.plan[0].get("plan_seconds", 0.0), "render": seconds}
        with progress.stage("publish"):
            try:
                files = load_plan(job, team_files, self.plan_name())
            except NotFound:  # an earlier try may have published, and lost its answer
                result = find_result(job, team_files, self.plan[0], stop)
                if result is None:
                    raise
            else:
                plan = files.plan
                refuse_batches(job, team_files, plan, sum(outcome.get("bad", 0) for outcome in self.outcomes))
                progress.start(plan.items, plan.items - plan.todo, team_files.locate(f"{plan.dst}.tar"))
                result = assemble(job, team_files, files, rendered, stop)
        return conclude(result, progress, before | progress.stages, self.plan[0].get("sources", []))
