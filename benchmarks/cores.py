"""The step `cores`: what of an export one thread does alone, and what that leaves for more cores than are here.

Seconds for one image: `plan` and `assemble` (wall time, one thread, before and after all rendering), `serial` (CPU of
the thread that deals places out while others render), `work` (CPU of all threads and processes while it is rendered),
`lock` (for which one thread keeps all others of the export's process from running, at most: lock.py; where processes
render, all that their export does itself). The curve is reckoned from these, not measured: images a second =
1 / (plan + assemble + the largest of work / cores, lock and serial).

It leaves out that cores share memory and disk, and the half second in which processes start, whose CPU is in `work`: of
3,000 images a tenth, of a few hundred most of it.
"""

from __future__ import annotations

import os
import sys

from measure import HERE, Json, Project, middle, run, run_ours, say, warm

CORES = (2, 4, 8, 16, 32, 64)


def measure(photos: Project, tiny: Project, rounds: int) -> Json:
    """Photographs, which threads render, and tiny pictures, by threads and by processes."""
    out: Json = {}
    for name, target, processes in (
        ("photos", photos, 0),
        ("tiny, by threads", tiny, 0),
        ("tiny, by processes", tiny, len(os.sched_getaffinity(0))),
    ):
        warm(target)
        runs = [run_ours(target, "--processes", str(processes)) for _ in range(rounds)]
        lock = [sys.executable, str(HERE / "lock.py"), str(target.folder), "--config", str(target.config)]
        found = one_image(runs)
        if not processes:
            found |= run(lock)
        found |= {"facts": target.facts, "rounds": runs, "curve": curve(found)}
        say(f"  {name}: {1000 * found['serial']:.3f} ms of {1000 * found['work']:.2f} ms an image by one thread alone")
        out[name] = found
    return out


def one_image(runs: list[Json]) -> Json:
    """Seconds an image, medians over the rounds. lock: where processes render, all that their export does itself."""
    images = runs[0]["images"]
    parts = [
        {
            "plan": run["phases"]["plan"],
            "assemble": run["phases"]["assemble"],
            "serial": run["serial"]["render"],
            "work": run["cpu_seconds"] - run["serial"]["plan"] - run["serial"]["assemble"],
            "lock": run["own_cpu_seconds"] - run["serial"]["plan"] - run["serial"]["assemble"],
        }
        for run in runs
    ]
    found: Json = {name: middle(parts, name) / images for name in parts[0]}
    return found | {"processes": runs[0]["processes"]}


def curve(found: Json) -> Json:
    """Cores -> images a second, reckoned."""
    alone = found["plan"] + found["assemble"]
    most = max(found["lock"], found["serial"])
    return {str(cores): 1 / (alone + max(found["work"] / cores, most)) for cores in CORES}
