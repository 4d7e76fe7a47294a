"""What the manifest says of an export besides its files: from the job and the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_savemasks.engine.archive.manifest import Described
from airflow_savemasks.engine.archive.totals import Totals
from airflow_savemasks.engine.job import Job, renderer
from airflow_savemasks.engine.masks.registry import KINDS
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.publish.speed import Speed
from airflow_savemasks.engine.settings.asked import not_at_default


@dataclass(frozen=True, slots=True)
class Told:
    """What a manifest says of the run that made it. rendered: items; gates: their figures; speed: of rendering."""

    rendered: int
    gates: dict[str, Any]
    speed: Speed | None


def describe(job: Job, plan: Plan, totals: Totals, told: Told) -> Described:
    """What the manifest of a plan's archive says."""
    asked = {kind: kind.asked(job.layer) for kind in KINDS if kind.asked is not None}
    shown = {kind.name: kind.colors(job.colors) or {} for kind in asked if kind.colors is not None}
    options = not_at_default(job.options)
    return Described(
        settings={
            **{kind.folder: wanted for kind, (wanted, _) in asked.items()},
            **{f"gt_{kind.name}_color": colors for kind, (_, colors) in asked.items()},
            "machine_png": _machine_png(job),
            "sources": [entry.source.uri for entry in job.inputs],
            **({"options": options} if options else {}),
        },
        classes=[
            {
                "name": item.name,
                "shape": item.shape,
                **{name: table.get(item.name) for name, table in shown.items()},
            }
            for item in job.meta.classes.values()
        ],
        plan={
            "digest": plan.digest,
            "name": plan.name,
            "settings": plan.settings,
            "volume_size": job.options.volume_size,
        },
        items={
            "rendered": told.rendered,
            "reused": totals.items - told.rendered,
            "skipped": len(totals.skipped),
        },
        gates=told.gates,
        speed=told.speed.to_json() if told.speed else None,
        unannotated=plan.unannotated,
        orphans=plan.orphans,
        picked=job.options.pick is not None,
        warnings=plan.warnings,
        versions=renderer(),
    )


def _machine_png(job: Job) -> str:
    """What machine masks are: gray, rgb, or what was asked for by name."""
    asked = job.options.machine_png
    return asked if asked in {"palette", "gray16"} else "gray" if job.colors.gray else "rgb"
