"""The steps of an export as tasks of their own, for a task group that spreads it over workers (task_groups.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_savemasks.operators.save_masks import SaveMasksOperator

if TYPE_CHECKING:
    import threading

    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage.base import Storage

MOST_BATCHES = 1024  # Airflow's [core] max_map_length


class PlanOperator(SaveMasksOperator):
    """Lists the items and deals the parts that need rendering out to batches.

    Returns at least one batch: {"plan": digest, "parts": [[first, last], ...], "label": text for the UI}.
    """

    def __init__(self, *, batches: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 1 <= batches <= MOST_BATCHES:
            raise ValueError(f"batches: {batches} is not between 1 and {MOST_BATCHES}")
        self.batches = batches

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> list[dict[str, Any]]:
        from airflow_savemasks.engine.parts.batches import make_batches
        from airflow_savemasks.engine.parts.planning import make_plan
        from airflow_savemasks.engine.parts.resume import find_reusable

        plan = make_plan(job, team_files, stop)
        return make_batches(plan, find_reusable(job, team_files), self.batches)


class RenderOperator(SaveMasksOperator):
    """Renders the parts of one batch; mapped over what PlanOperator returned. Returns {"rendered", "reused"}."""

    template_fields: Sequence[str] = (*SaveMasksOperator.template_fields, "batch")

    def __init__(self, *, batch: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, int]:
        from airflow_savemasks.engine.export import render_parts
        from airflow_savemasks.engine.parts.planning import load_plan

        plan = load_plan(job, team_files, self.batch["plan"])
        numbers = [number for first, last in self.batch["parts"] for number in range(first, last + 1)]
        outcome = render_parts(job, team_files, plan, numbers, stop, progress)
        return {"rendered": outcome.rendered, "reused": outcome.reused}


class AssembleOperator(SaveMasksOperator):
    """Publishes the archive once all batches are done. Refuses, naming them, where parts are missing."""

    template_fields: Sequence[str] = (*SaveMasksOperator.template_fields, "plan", "outcomes")

    def __init__(self, *, plan: Any, outcomes: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.outcomes = outcomes

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
        from airflow_savemasks.engine.parts.assemble import assemble
        from airflow_savemasks.engine.parts.planning import load_plan

        plan = load_plan(job, team_files, self.plan[0]["plan"])
        rendered = sum(outcome["rendered"] for outcome in self.outcomes)
        return assemble(job, team_files, plan, rendered, len(plan.parts) - rendered, 0.0)
