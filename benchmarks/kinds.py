"""The step `kinds`: more masks on photographs, each option against the default, and all of them against a peer.

Ways take turns, and each round begins with another one. `cpu` is the ratio of CPU seconds, which other work disturbs
less than it disturbs `seconds`. The peer makes the masks of export-as-masks with instances and semantic masks; ours
that are held against it are those with `instances: files` and `semantic`, which have the same files, and all at once.
"""

from __future__ import annotations

import json
from typing import Any

from measure import Json, Project, middle, run_ours, run_peer, say, warm

DEFAULT, EVERYTHING, SAME_FILES, PEER = "default", "everything", "files and semantic", "export-as-masks, all kinds"
ALL: dict[str, Any] = {
    "machine_png": "palette",
    "unlisted": "auto",
    "overlap": "area",
    "line_width": 2,
    "instances": "ids",
    "semantic": True,
    "class_maps": True,
    "human": {"alpha": 0.65, "layout": "overlay", "max_side": 640, "format": "jpeg", "quality": 85},
}
WAYS: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "machine_png palette": {"machine_png": "palette"},
    "machine_png gray16": {"machine_png": "gray16"},
    "overlap area": {"overlap": "area"},
    "line_width 3": {"line_width": 3},
    "human alpha 0.3": {"human": {"alpha": 0.3}},
    "human overlay": {"human": {"layout": "overlay"}},
    "human overlay, JPEG": {"human": {"layout": "overlay", "format": "jpeg"}},
    "human max_side 1000": {"human": {"max_side": 1000}},
    "instances ids": {"instances": "ids"},
    "instances files": {"instances": "files"},
    "semantic": {"semantic": True},
    "class_maps": {"class_maps": True},
    SAME_FILES: {"instances": "files", "semantic": True, "overlap": "area"},
    EVERYTHING: ALL,
}
AIMS = {
    "machine_png palette": 1.05,
    "machine_png gray16": 1.05,
    "instances ids": 1.15,
    "semantic": 1.15,
    "human overlay, JPEG": 1.0,
}  # at most, of the default's time


def measure(target: Project, rounds: int, peer_rounds: int) -> Json:
    """target: photographs."""
    warm(target)
    runs: dict[str, list[Json]] = {way: [] for way in (*WAYS, PEER)}
    names = list(WAYS)
    for number in range(rounds):
        first = number % len(names)
        for way in (*names[first:], *names[:first]):
            runs[way].append(run_ours(target, "--options", json.dumps(WAYS[way])))
        if number < peer_rounds:
            runs[PEER].append(run_peer("kinds", target))
    ways = {way: _summary(found, runs[DEFAULT]) for way, found in runs.items() if found}
    for way, found in ways.items():
        aim = f", at most {AIMS[way]:.2f}" if way in AIMS else ""
        say(f"  {way}: {found['seconds']:.2f} s, {found['times']:.2f} x the default (CPU {found['cpu']:.2f} x{aim})")
    out: Json = {"facts": target.facts, "rounds": runs, "ways": ways, "faster": {}}
    if PEER in ways:
        out["faster"] = {way: ways[PEER]["seconds"] / ways[way]["seconds"] for way in (EVERYTHING, SAME_FILES)}
        said = ", ".join(f"{way} {times:.0f} x" for way, times in out["faster"].items())
        say(f"  as fast as {PEER}: {said}")
    return out


def _summary(runs: list[Json], default: list[Json]) -> Json:
    """Medians, and how often the default's. cpu, times: of CPU and wall seconds."""
    found = {key: middle(runs, key) for key in ("seconds", "cpu_seconds", "archive_bytes", "peak_bytes")}
    return found | {
        "times": found["seconds"] / middle(default, "seconds"),
        "cpu": found["cpu_seconds"] / middle(default, "cpu_seconds"),
    }
