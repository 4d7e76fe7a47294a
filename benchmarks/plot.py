"""results.json as plot.png: `plot.py FOLDER`. Runs in the environment `plot`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

Json = dict[str, Any]

PROFILES = ("photos", "dense", "tiny", "sparse")
COLORS = {"ours": "#1b7f5c", "layer": "#c9762b", "app": "#7a6fb0"}
NAMES = {"ours": "this project", "layer": "original layer's steps", "app": "export-as-masks' steps"}


def main(folder: Path) -> None:
    results: Json = json.loads((folder / "results.json").read_text())
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none"})
    widths = (1.5, 0.9, 1.0)
    figure, (speed, curve, parts) = plt.subplots(1, 3, figsize=(14, 4.2), width_ratios=widths, layout="constrained")
    draw_speed(speed, results)
    draw_labels(curve, results.get("labels"))
    draw_stages(parts, (results.get("stages") or {}).get("photos"))
    steps = [step["machine"] for step in results.values() if "machine" in step]
    if steps:
        on = max(steps, key=lambda machine: str(machine["date"]))
        where = f"{on['cpu']}, {on['cores_used']} cores, {on['date']}"
        figure.text(0.995, 0.005, where, ha="right", va="bottom", fontsize=7, color="#666666")
    figure.get_layout_engine().set(rect=(0, 0.04, 1, 0.96), wspace=0.04)
    figure.savefig(folder / "plot.png", dpi=130)


def draw_speed(axes: Any, results: Json) -> None:
    """Images a second of every side, one group for each profile."""
    profiles = [profile for profile in PROFILES if profile in results]
    for at, profile in enumerate(profiles):
        sides = results[profile]["sides"]
        for shift, side in enumerate(COLORS):
            if side in sides:
                speed = sides[side]["images_per_second"]
                axes.bar(
                    at + 0.27 * (shift - 1), speed, 0.25, color=COLORS[side], label=NAMES[side] if not at else None
                )
                text = f"{speed:.3g}" if side == "ours" else f"{sides[side]['slower']:.1f}x"
                axes.text(at + 0.27 * (shift - 1), speed * 1.08, text, ha="center", va="bottom", fontsize=6.5)
    axes.set_yscale("log")
    axes.margins(y=0.25)
    axes.set_xticks(range(len(profiles)), profiles)
    axes.set_title("images a second, and how many times slower")
    if profiles:
        axes.legend(frameon=False, fontsize=7.5, loc="lower center", bbox_to_anchor=(0.5, -0.24), ncols=3)


def draw_labels(axes: Any, found: Json | None) -> None:
    """Seconds for one 4K picture against its labels, all of one size."""
    axes.set_title("seconds for a 4K picture")
    for side in COLORS if found else ():
        points = [(int(number), point[side]) for number, point in found["of equal size"].items() if side in point]
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=COLORS[side], label=NAMES[side], markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("labels, all of one size")
    axes.set_ylim(0.05, 100)
    if found:
        axes.legend(frameon=False, fontsize=7.5)


def draw_stages(axes: Any, found: Json | None) -> None:
    """Where the time of a photograph goes, longest stage on top; stages below 1 % together."""
    axes.set_title("one photograph on one thread, ms")
    if not found:
        return
    stages = found["stages"]
    total = sum(stages.values())
    shown = {stage: value for stage, value in stages.items() if value >= total / 100}
    small = total - sum(shown.values())
    order = [("all others", small), *sorted(shown.items(), key=lambda pair: pair[1])]
    axes.barh([name for name, _ in order], [value for _, value in order], color=COLORS["ours"])
    for at, (_, value) in enumerate(order):
        axes.text(value + total / 200, at, f"{value:.1f}", va="center", fontsize=7)
    axes.tick_params(axis="y", labelsize=7.5)
    wall, limit = found["wall"], found["limit_wall"]
    axes.set_xlabel(f"export on {found['cores']} cores: {wall:.0f} ms an image, limit {limit:.0f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
