"""The benchmark in one command: projects, environments, every step, table and plot.

    .venv/bin/python benchmarks/run.py                    # all of it
    .venv/bin/python benchmarks/run.py --quick            # a small version for a look, kept apart in work/quick/
    .venv/bin/python benchmarks/run.py --only photos,stages --images photos=80 --rounds 5

Writes results.json (every round of every step), table.md and plot.png to benchmarks/results/. A step that is run alone
replaces its own figures there and leaves the others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import environments
import measure
import report
from environments import HERE, WORK
from measure import Json, engine, machine, say, take_code
from steps import PROFILES, QUICK, STEPS, Plan, make_environments
from variety import FORMATS, GEOMETRIES


def main() -> None:
    args = parse()
    use_cores(args.cores)
    measure.patience = args.patience
    plan = make_plan(args)
    folder: Path = args.results or (WORK / "quick" if args.quick else HERE / "results")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    results: Json = json.loads(file.read_text()) if file.exists() else {}
    make_environments()
    take_code()
    for name in args.only:
        say(f"{name} ...")
        began = time.monotonic()
        found = STEPS[name](plan)
        took = round(time.monotonic() - began, 1)
        results[name] = {"machine": machine(), "engine": engine(), "took_seconds": took, **found}
        file.write_text(json.dumps(results, indent=1) + "\n")
    draw(folder, results)
    say(f"{folder}: results.json, table.md, plot.png")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few images, one round, into work/quick/")
    parser.add_argument("--only", type=step_names, default=list(STEPS), metavar="A,B", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--rounds", type=int, help="of every comparison")
    parser.add_argument("--images", type=counts, default={}, metavar="photos=80,tiny=500", help="of the profiles")
    parser.add_argument(
        "--app-rounds", type=int, help="of the application's steps, which take longest; 0: leave them out"
    )
    parser.add_argument("--kinds", type=kinds, default=(), metavar="A,B", help="of the formats and geometries, only")
    parser.add_argument("--cores", type=int, default=2, help="that all sides may use (default 2)")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for a quiet machine before each run"
    )
    parser.add_argument("--results", type=Path, help="another folder for the results")
    return parser.parse_args()


def step_names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in STEPS]:
        raise argparse.ArgumentTypeError(f"{unknown} is unknown; there are {', '.join(STEPS)}")
    return names


def kinds(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in (*FORMATS, *GEOMETRIES)]:
        raise argparse.ArgumentTypeError(f"{unknown} is unknown; there are {', '.join((*FORMATS, *GEOMETRIES))}")
    return names


def counts(text: str) -> dict[str, int]:
    found = {name: int(number) for name, _, number in (entry.partition("=") for entry in text.split(","))}
    if unknown := [name for name in found if name not in PROFILES]:
        raise argparse.ArgumentTypeError(f"{unknown} is unknown; there are {', '.join(PROFILES)}")
    return found


def make_plan(args: argparse.Namespace) -> Plan:
    plan = QUICK if args.quick else Plan()
    rounds = {"rounds": args.rounds or plan.rounds, "kind_rounds": args.rounds or plan.kind_rounds}
    plan = replace(plan, **rounds, images={**plan.images, **args.images})
    amounts = replace(plan.variety, rounds=args.rounds or plan.variety.rounds, only=args.kinds)
    plan = replace(plan, variety=amounts)
    if args.app_rounds is not None:
        plan = replace(plan, app_rounds=dict.fromkeys(PROFILES, args.app_rounds))
    return plan


def use_cores(count: int) -> None:
    """Hold this process and all that it starts on so many cores."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < count:
        say(f"only {len(cores)} cores are there; the figures are for these")
    os.sched_setaffinity(0, cores[:count])


def draw(folder: Path, results: Json) -> None:
    """table.md and plot.png from results.json."""
    (folder / "table.md").write_text(report.table(results))
    subprocess.run([environments.python_of("plot"), str(HERE / "plot.py"), str(folder)], check=True)


if __name__ == "__main__":
    main()
