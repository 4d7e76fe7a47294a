"""Where an item lies, for messages."""

from __future__ import annotations

from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.plan import Planned


def where_of(job: Job, planned: Planned) -> str:
    """An item's place for people: the project, the dataset, the picture."""
    return f"{job.inputs[planned.input].source.uri}, {planned.item.dataset}/{planned.item.name}"
