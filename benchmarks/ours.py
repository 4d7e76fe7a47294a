"""Runs one export of this project in a fresh process and says what it took.

    ours.py PROJECT TEAM_FILES --config LAYER.json [--workers N] [--machine-only] [--without-kernels] [--reuse] [--plan]
            [--processes N] [--options JSON]

Prints one JSON object: seconds (without imports; from reading the layer to the published archive), cpu_seconds (of
all threads meanwhile), phases (seconds of planning, rendering, assembling), serial (CPU seconds in each of them of the
thread that runs it), own_cpu_seconds (without children), processes (how many rendered), images, archive_bytes,
peak_bytes (largest resident size of this process, plus that of its largest child for each worker if there are
children), import_bytes (resident size after imports), items (rendered, reused, skipped).
--plan: only plan, render nothing. --processes: so many render, 0 for threads; without it the engine decides.
--options: of the export, besides these.
--without-kernels: as where no C compiler was at hand when this was installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_savemasks.engine import export as pipeline
from airflow_savemasks.engine import native
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.opening import open_sources
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.base import WORK_FOLDER
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work import ways

PHASES = {"make_plan": "plan", "render_plan": "render", "assemble": "assemble"}


class Clock:
    """Seconds by phase: of the wall, and of CPU by the thread that runs it."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.serial: dict[str, float] = {}

    def timed(self, work: Callable[..., Any], phase: str) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            try:
                return work(*args, **options)
            finally:
                self.wall[phase], self.serial[phase] = time.perf_counter() - began, time.thread_time() - cpu

        return run


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def peak_bytes(workers: int) -> int:
    """Largest resident size of this process, plus that of its largest child for each worker."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + workers * child) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project")
    parser.add_argument("team_files")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--machine-only", action="store_true", help="no human masks: pictures are copied, not decoded")
    parser.add_argument("--without-kernels", action="store_true", help="numpy, OpenCV and ISA-L do their work")
    parser.add_argument("--reuse", action="store_true", help="use finished parts and the archive that is there")
    parser.add_argument("--processes", type=int, help="so many render, 0 for threads")
    parser.add_argument("--plan", action="store_true", help="plan and render nothing")
    parser.add_argument("--options", type=json.loads, default={}, help="of the export, as a JSON object")
    args = parser.parse_args()
    if args.without_kernels:
        native.library = None
    elif native.library is None:
        raise SystemExit("the kernels are not compiled: install the package with a C compiler, or --without-kernels")
    open_storage(args.team_files)  # imports the storage's module
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    clock = Clock()
    out: dict[str, Any] = {"processes": 0}
    for function, phase in PHASES.items():
        setattr(pipeline, function, clock.timed(getattr(pipeline, function), phase))
    decide = ways.processes_for

    def processes_for(job: Job, amount: ways.Amount) -> int:
        out["processes"] = decide(job, amount) if args.processes is None else args.processes
        return int(out["processes"])

    ways.processes_for = processes_for

    began, cpu, own = time.perf_counter(), cpu_seconds(), sum(os.times()[:2])
    raw = json.loads(args.config.read_bytes())
    if args.machine_only:
        raw["settings"]["masks_human"] = False
    options = Options(workers=args.workers, reuse=args.reuse, **args.options)
    layer = parse_layer(raw, options.unlisted)
    job = open_job(layer, open_sources(layer, {layer.inputs[0].name: args.project}), options)
    team_files = open_storage(args.team_files)
    if args.plan:
        with tempfile.TemporaryDirectory() as scratch:
            plan = pipeline.make_plan(job, team_files, open_storage(scratch), WORK_FOLDER).plan
        out |= {"images": plan.items, "to_render": plan.todo}
    else:
        result = pipeline.export(job, team_files, threading.Event(), Progress())
        items = result["items"]
        out |= {"images": items["rendered"] + items["reused"], "archive_bytes": result["bytes"], "items": items}
    out |= {"seconds": time.perf_counter() - began, "cpu_seconds": cpu_seconds() - cpu}
    out |= {"own_cpu_seconds": sum(os.times()[:2]) - own}
    out |= {"phases": clock.wall, "serial": clock.serial, "import_bytes": imported}
    out["peak_bytes"] = peak_bytes(args.workers or len(os.sched_getaffinity(0)))
    print(json.dumps(out))


if __name__ == "__main__":
    main()
