"""The export fanned out over workers: plan >> render (mapped) >> assemble. Same arguments, same archive to the byte."""

from __future__ import annotations

from typing import Any

from airflow.sdk import TaskGroup

from airflow_savemasks.operators.save_masks import OPTIONS
from airflow_savemasks.operators.steps import AssembleOperator, PlanOperator, RenderOperator

SHARED = ("layer", "sources", "team_files_conn_id", "project_conn_id", *OPTIONS)


def save_masks_group(group_id: str = "save_masks", *, batches: int = 16, **arguments: Any) -> TaskGroup:
    """A task group that does what SaveMasksOperator does, on as many workers as the deployment has.

    batches: at most so many mapped tasks (1 to 1024); a batch should be minutes of work. The other arguments are those
    of SaveMasksOperator; what is left goes to all three tasks (retries, queue, pool ...). Workers need the same
    storage for Team Files; `outlets` are those of `assemble`. The result is the XCom of `<group_id>.assemble`. A mapped
    task that dies is retried alone.
    """
    if "dry_run" in arguments:
        raise ValueError("dry_run: a plan is one task. Use SaveMasksOperator(dry_run=True)")
    own = {key: arguments.pop(key) for key in SHARED if key in arguments}
    outlets = arguments.pop("outlets", None)  # only the task that publishes has something new
    with TaskGroup(group_id) as group:
        plan = PlanOperator(task_id="plan", batches=batches, **own, **arguments)
        render = RenderOperator.partial(
            task_id="render", map_index_template="{{ task.batch['label'] }}", **own, **arguments
        ).expand(batch=plan.output)
        AssembleOperator(
            task_id="assemble", plan=plan.output, outcomes=render.output, outlets=outlets, **own, **arguments
        )
    return group
