"""The steps of the benchmark. Each makes its projects, measures, and returns plain JSON for results.json."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import change
import cores
import environments
import kinds
import variety
import wire
from environments import HERE
from measure import (
    CODE,
    PROJECTS,
    SCRATCH,
    SIDES,
    Json,
    Project,
    middle,
    project,
    run_ours,
    run_peer,
    run_side,
    say,
    warm,
)

PROFILES = ("photos", "dense", "tiny", "sparse")
LABEL_RADIUS = (30.0, 50.0)  # pixels, of every label where the number of labels grows
LABELS = (10, 100, 1000)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure. images: of each profile; app_rounds: rounds in which the application's steps run, too."""

    rounds: int = 3
    images: Mapping[str, int] = field(default_factory=lambda: {"photos": 40, "dense": 6, "tiny": 1000, "sparse": 40})
    app_rounds: Mapping[str, int] = field(default_factory=lambda: {"photos": 2, "dense": 1, "tiny": 2, "sparse": 2})
    many: int = 1600  # photographs of the larger project of the step `memory`
    tree: int = 200_000  # items of the step `planning`
    changing: int = 3000  # tiny pictures of the step `change`
    listed: int = 1_000_000  # items that are listed and merged there
    wired: int = 600  # tiny pictures of the step `wire`
    label_images: int = 4  # pictures for each number of labels
    label_peers: bool = True  # the peers on these pictures, too
    stage_images: Mapping[str, int] = field(default_factory=lambda: {"photos": 8, "dense": 2, "tiny": 200, "sparse": 8})
    kind_rounds: int = 7  # of the step `kinds`, whose ratios are near to each other
    repeats: int = 7  # of the stage breakdown
    variety: variety.Amounts = field(default_factory=variety.Amounts)


QUICK = Plan(
    rounds=1,
    images={"photos": 8, "dense": 1, "tiny": 200, "sparse": 8},
    app_rounds={"photos": 1, "dense": 0, "tiny": 1, "sparse": 1},
    many=160,
    tree=20_000,
    changing=300,
    listed=100_000,
    wired=100,
    label_images=2,
    label_peers=False,
    stage_images={"photos": 4, "dense": 1, "tiny": 50, "sparse": 4},
    kind_rounds=1,
    repeats=3,
    variety=variety.Amounts(rounds=1, images=6, dense=1, labelled=4),
)


def of_profile(plan: Plan, profile: str) -> Project:
    return project(f"{profile}-{plan.images[profile]}", profile, plan.images[profile])


def of_number(images: int) -> Project:
    return project(f"tiny-{images}", "tiny", images)


def compare(plan: Plan, profile: str) -> Json:
    """One profile: all sides in turn, the first side another one each round; medians and ratios to ours."""
    target = of_profile(plan, profile)
    warm(target)
    rounds: dict[str, list[Json]] = {side: [] for side in SIDES}
    for number in range(plan.rounds):
        first = number % len(SIDES)
        for side in (*SIDES[first:], *SIDES[:first]):
            if side != "app" or number < plan.app_rounds[profile]:
                rounds[side].append(run_side(side, target))
                seconds, others = rounds[side][-1]["seconds"], rounds[side][-1]["others_busy"]
                say(f"  {profile}, round {number + 1}, {side}: {seconds:.2f} s ({others} cores busy with other things)")
    return {"facts": target.facts, "rounds": rounds, "sides": summary(rounds)}


def summary(rounds: Mapping[str, list[Json]]) -> Json:
    """side -> median seconds, bytes of the archive and of memory, and how much slower and larger than ours."""
    out: Json = {}
    for side, runs in rounds.items():
        if runs:
            out[side] = {key: middle(runs, key) for key in ("seconds", "cpu_seconds", "archive_bytes", "peak_bytes")}
            out[side]["images_per_second"] = runs[0]["images"] / out[side]["seconds"]
            out[side]["slower"] = out[side]["seconds"] / out["ours"]["seconds"]
            out[side]["our_share_of_bytes"] = out["ours"]["archive_bytes"] / out[side]["archive_bytes"]
    return out


def variants(plan: Plan) -> Json:
    """Ours in other ways: one worker, no kernels, and machine masks only (pictures are copied, none is decoded)."""
    out: Json = {}
    for profile in ("photos", "tiny"):
        target = of_profile(plan, profile)
        warm(target)
        ways = {
            "as it is": (),
            "one worker": ("--workers", "1"),
            "without kernels": ("--without-kernels",),
            "machine masks only": ("--machine-only",),
        }
        runs: dict[str, list[Json]] = {way: [] for way in ways}
        for _ in range(plan.rounds):
            for way, options in ways.items():
                runs[way].append(run_ours(target, *options))
        medians = {way: middle(found, "seconds") for way, found in runs.items()}
        for way, seconds in medians.items():
            say(f"  {profile}, {way}: {seconds:.2f} s")
        out[profile] = {"facts": target.facts, "rounds": runs, "seconds": medians}
    return out


def memory(plan: Plan) -> Json:
    """Peak memory with few and with many photographs; the many are hard links to the few."""
    few = of_profile(plan, "photos")
    shutil.rmtree(PROJECTS / "many", ignore_errors=True)  # made anew: its links must be to the few of now
    (PROJECTS / "many.facts.json").unlink(missing_ok=True)
    many = project("many", "links", plan.many, "--of", str(few.folder))
    out: Json = {}
    for target in (few, many):
        warm(target)
        run = run_ours(target)
        say(f"  {run['images']} photographs: {run['peak_bytes'] / 1e6:.0f} MB, {run['seconds']:.1f} s")
        out[str(run["images"])] = {"facts": target.facts, "run": run}
    return out


def huge(plan: Plan) -> Json:
    """One picture of 12000 x 9000 pixels."""
    target = project("huge", "huge", 1)
    warm(target)
    runs = [run_ours(target) for _ in range(min(plan.rounds, 2))]
    say(f"  12000x9000: {middle(runs, 'peak_bytes') / 1e6:.0f} MB, {middle(runs, 'seconds'):.1f} s")
    medians = {key: middle(runs, key) for key in ("seconds", "peak_bytes")}
    return {"facts": target.facts, "rounds": runs, **medians}


def labels(plan: Plan) -> Json:
    """Seconds an image against the number of labels on a 4K picture: of equal size, and of equal area together.

    Of equal size: ten times the labels paint ten times the area. Of equal area together: the labels shrink as they
    become more, the painted area stays. The peers get one picture; the application's steps not the largest number.
    """
    out: Json = {"of equal size": {}, "of equal area together": {}}
    for kind, points in out.items():
        for number in LABELS:
            scale = 1.0 if kind == "of equal size" else (LABELS[1] / number) ** 0.5
            radius = [str(edge * scale) for edge in LABEL_RADIUS]
            name = f"labels-{'size' if kind == 'of equal size' else 'area'}-{number}"
            options = ("--labels", str(number), "--radius", *radius)
            target = project(name, "labels", plan.label_images, *options)
            warm(target)
            runs = [run_ours(target) for _ in range(plan.rounds)]
            point: Json = {"facts": target.facts, "rounds": {"ours": runs}}
            point["ours"] = middle(runs, "seconds") / target.facts["images"]
            if plan.label_peers and kind == "of equal size":
                one = project(f"{name}-1", "labels", 1, *options)
                warm(one)
                with_app = number < LABELS[-1] and plan.app_rounds["dense"]
                for side in ("layer", "app") if with_app else ("layer",):
                    run = run_peer(side, one)
                    point["rounds"][side] = [run]
                    point[side] = run["seconds"]
            points[str(number)] = point
            times = ", ".join(f"{side} {point[side]:.3f} s" for side in SIDES if side in point)
            say(f"  {number} labels {kind}: {times} an image")
    return out


def planning(plan: Plan) -> Json:
    """From nothing to a plan of very many items in one folder: listing, cutting into parts, keeping the plan."""
    target = project("tree", "tree", plan.tree)
    runs = [run_ours(target, "--plan") for _ in range(plan.rounds)]
    say(f"  {plan.tree} items: {middle(runs, 'seconds'):.2f} s, {middle(runs, 'peak_bytes') / 1e6:.0f} MB")
    medians = {key: middle(runs, key) for key in ("seconds", "peak_bytes")}
    return {"facts": target.facts, "rounds": runs, **medians}


def stages(plan: Plan) -> Json:
    """One image's time by stage; for photographs also the limit, with exports in between the rounds."""
    out: Json = {}
    for profile in PROFILES:
        target = of_profile(plan, profile)
        warm(target)
        images = min(plan.stage_images[profile], target.facts["images"])
        words = [
            sys.executable,
            str(HERE / "stages.py"),
            str(target.folder),
            str(SCRATCH),
            "--config",
            str(target.config),
        ]
        words += ["--images", str(images), "--repeats", str(plan.repeats)]
        walls = [run_ours(target)["seconds"]]
        done = subprocess.run(
            words, env=os.environ | {"PYTHONPATH": str(CODE)}, stdout=subprocess.PIPE, text=True, check=True
        )
        shutil.rmtree(SCRATCH, ignore_errors=True)
        walls += [run_ours(target)["seconds"] for _ in range(plan.rounds)]
        found: Json = json.loads(done.stdout.splitlines()[-1])
        walls.sort()
        found["wall"] = 1000 * walls[len(walls) // 2] / target.facts["images"]
        found["walls"] = walls
        found["limit_wall"] = sum(found["limit"].values()) / found["cores"]
        found["times_limit"] = found["wall"] / found["limit_wall"]
        found["times_limit_together"] = found["wall"] / sum(found["limit_together"].values())
        say(f"  {profile}: {found['wall']:.1f} ms an image, limit {found['limit_wall']:.1f} ms")
        if found["missing"]:
            say(f"  not in the engine any more: {found['missing']}; see the table in stages.py")
        out[profile] = found
    return out


STEPS: dict[str, Callable[[Plan], Json]] = {
    **{profile: (lambda plan, profile=profile: compare(plan, profile)) for profile in PROFILES},
    "variants": variants,
    "memory": memory,
    "huge": huge,
    "labels": labels,
    "formats": lambda plan: variety.formats(plan.variety),
    "geometries": lambda plan: variety.geometries(plan.variety),
    "planning": planning,
    "wire": lambda plan: wire.measure(of_profile(plan, "photos"), of_number(plan.wired), plan.rounds),
    "kinds": lambda plan: kinds.measure(of_profile(plan, "photos"), plan.kind_rounds, plan.app_rounds["photos"]),
    "cores": lambda plan: cores.measure(of_profile(plan, "photos"), of_number(plan.changing), plan.rounds),
    "change": lambda plan: change.measure(of_number(plan.changing), plan.rounds, plan.listed),
    "stages": stages,
}


def make_environments() -> None:
    for name in environments.PACKAGES:
        environments.python_of(name)
