"""results.json as Markdown, and again without measuring: `python report.py FOLDER`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Json = dict[str, Any]

PROFILES = {
    "photos": "1920x1280 photographs, 12 labels",
    "dense": "4096x3072 photographs, 200 labels",
    "tiny": "256x256 pictures, 3 labels",
    "sparse": "1920x1280 photographs, 1 label",
}


def table(results: Json) -> str:
    """All that was measured, as Markdown; steps that have not run are left out."""
    parts = [
        *comparison(results),
        *single(results),
        *over_the_wire(results.get("wire")),
        *more_masks(results.get("kinds")),
        *serial_part(results.get("cores")),
        *label_curve(results.get("labels")),
        *variety("pictures", results.get("formats")),
        *variety("labels of full-HD photographs", results.get("geometries")),
        *breakdown(results.get("stages")),
        *conditions(results),
    ]
    return "\n".join(parts) + "\n"


def rows(head: Sequence[str], body: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table: first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def comparison(results: Json) -> Iterator[str]:
    head = ["images", "number", "this project", "original layer's steps", "the same in a process for each core"]
    head += ["export-as-masks' steps"]
    head += ["archive, share of the original's", "memory, this project", "memory, original"]
    body = []
    for profile, title in PROFILES.items():
        if profile in results:
            sides = results[profile]["sides"]
            ours, layer = sides["ours"], sides["layer"]
            row = [f"**{profile}**: {title}", results[profile]["facts"]["images"]]
            row += [
                f"{ours['seconds']:.2f} s ({ours['images_per_second']:.3g}/s)",
                slower(layer),
                slower(sides.get("layer on all cores")),
                slower(sides.get("app")),
            ]
            row += [f"{layer['our_share_of_bytes']:.2f}", megabytes(ours["peak_bytes"]), megabytes(layer["peak_bytes"])]
            body.append(row)
    if body:
        yield from rows(head, body)


def single(results: Json) -> Iterator[str]:
    """What is measured of ours alone."""
    body: list[list[str]] = []
    for profile, found in results.get("variants", {}).items():
        if profile in PROFILES:
            images, megapixels = found["facts"]["images"], found["facts"]["height"] * found["facts"]["width"] / 1e6
            for way, seconds in found["seconds"].items():
                speed = f"{images / seconds:.0f} images/s, {images * megapixels / seconds:.0f} megapixels/s"
                body.append([f"{profile}, {way}", f"{seconds:.2f} s for {images}: {speed}"])
    for number, found in results.get("memory", {}).items():
        if "run" in (found if isinstance(found, dict) else {}):
            run = found["run"]
            body.append(
                [f"peak memory, {number} photographs", f"{megabytes(run['peak_bytes'])} ({run['seconds']:.1f} s)"]
            )
    if found := results.get("huge"):
        body.append(
            ["peak memory, one picture of 12000x9000", f"{megabytes(found['peak_bytes'])} ({found['seconds']:.1f} s)"]
        )
    if found := results.get("planning"):
        what = f"planning {found['facts']['images']:,} items in a folder"
        body.append([what, f"{found['seconds']:.2f} s, {megabytes(found['peak_bytes'])}"])
    if found := results.get("change"):
        pictures = f"{found['facts']['images']:,} tiny pictures"
        body.append([f"{pictures}, all rendered", f"{found['full']:.2f} s"])
        body += [
            [f"{pictures}, {kind} changed", f"{found[kind]:.2f} s, {found[kind] / found['full']:.1%}"]
            for kind in ("nothing", "one in a hundred")
        ]
        listed = found["listed"]
        seconds = f"{listed['nothing_changed_seconds']:.1f} s, {megabytes(listed['peak_bytes'])}"
        body.append([f"{listed['items']:,} items listed, nothing changed", seconds])
        seconds = f"{listed['one_in_a_hundred_seconds']:.1f} s"
        body.append([f"{listed['items']:,} items listed, one in a hundred changed: until the plan", seconds])
    if body:
        yield from rows(["this project alone", ""], body)


def serial_part(found: Json | None) -> Iterator[str]:
    """What one thread does alone, measured; images a second on more cores, reckoned (cores.py)."""
    if not found:
        return
    ways = [name for name, way in found.items() if isinstance(way, dict) and "curve" in way]
    body: list[list[str]] = []
    for part, what in (
        ("plan", "planning, one thread"),
        ("serial", "dealing out places while others render, one thread"),
        ("assemble", "assembling, one thread"),
        ("lock", "Python's lock held in the export's own process, at most"),
        ("work", "CPU of all threads and processes while it is rendered"),
    ):
        body.append([what, *(f"{1000 * found[way][part]:.3f}" for way in ways)])
    yield from rows(["milliseconds an image", *ways], body)
    numbers = list(found[ways[0]]["curve"])
    body = [[way, *(f"{found[way]['curve'][number]:.3g}" for number in numbers)] for way in ways]
    yield from rows(["images a second, **reckoned** from that, on", *(f"{number} cores" for number in numbers)], body)


def label_curve(found: Json | None) -> Iterator[str]:
    if not found:
        return
    head = [
        "labels on a 3840x2160 picture",
        "painted",
        "this project",
        "original layer's steps",
        "export-as-masks' steps",
    ]
    body = []
    for kind in ("of equal size", "of equal area together"):
        for number, point in found[kind].items():
            painted = point["facts"]["label_pixels"] / point["facts"]["images"] / 1e6
            times = [f"{point[side]:.3f} s" if side in point else "" for side in ("ours", "layer", "app")]
            body.append([f"{number}, {kind}", f"{painted:.2f} megapixels", *times])
    yield from rows(head, body)


def variety(what: str, found: Json | None) -> Iterator[str]:
    """One kind of picture or label a row; `~` where the original's time is that of one picture, multiplied."""
    body = []
    for name, point in (found or {}).items():
        if isinstance(point, dict) and "slower" in point:
            about = "~" if point["layer_images"] < point["facts"]["images"] else ""
            times = point["facts"]["images"] / point["layer_images"]
            ours, layer = (median(run["cpu_seconds"] for run in point["rounds"][side]) for side in ("ours", "layer"))
            body.append(
                [
                    name,
                    point["facts"]["images"],
                    f"{point['ours']:.2f} s",
                    f"{about}{point['layer']:.1f} s, **{about}{point['slower']:.1f}x**",
                    f"{ours:.2f} s",
                    f"{about}{times * layer:.1f} s, {about}{times * layer / ours:.1f}x",
                ]
            )
    if body:
        yield from rows(
            [what, "number", "this project", "original layer's steps", "CPU, this project", "CPU, original"], body
        )


def more_masks(found: Json | None) -> Iterator[str]:
    """What each option costs, of the step `kinds`."""
    if not found:
        return
    body = [
        [
            way,
            f"{one['seconds']:.2f} s",
            f"{one['times']:.2f}x",
            f"{one['cpu']:.2f}x",
            megabytes(one["archive_bytes"]),
        ]
        for way, one in found["ways"].items()
    ]
    body += [
        [f"{way}: as fast as these steps", f"**{times:.0f}x**", "", "", ""] for way, times in found["faster"].items()
    ]
    yield from rows([f"more masks ({found['facts']['images']} photographs)", "time", "default", "CPU", "archive"], body)


def over_the_wire(found: Json | None) -> Iterator[str]:
    """Source, or Team Files, behind a network; the server's CPU is taken from the same cores."""
    points = {name: point for name, point in (found or {}).items() if isinstance(point, dict) and "slower" in point}
    if not points:
        return
    ways = list(next(iter(points.values()))["seconds"])
    body = []
    for name, point in points.items():
        row = [f"{name} ({point['facts']['images']})"]
        for way in ways:
            times = "" if way == ways[0] else f", **{point['slower'][way]:.1f}x**, server {point['server'][way]:.1f} s"
            row.append(f"{point['seconds'][way]:.2f} s{times}")
        body.append(row)
    yield from rows(["over the wire", *ways], body)


def breakdown(found: Json | None) -> Iterator[str]:
    """One image by stage, the longest of the photographs first; and the limit."""
    if not found:
        return
    profiles = [profile for profile in PROFILES if profile in found]
    first = found[profiles[0]]["stages"]
    stages = sorted(
        {stage for profile in profiles for stage in found[profile]["stages"]}, key=lambda s: -first.get(s, 0)
    )
    body: list[list[str]] = [[stage, *(cell(found[p]["stages"].get(stage)) for p in profiles)] for stage in stages]
    body.append(["**all of it, one thread**", *(cell(sum(found[p]["stages"].values())) for p in profiles)])
    body.append(["**an export, wall time**", *(cell(found[p]["wall"]) for p in profiles)])
    for part, what in (
        ("decode", "limit: decoding the picture"),
        ("deflate", "limit: one ISA-L pass over the human mask"),
    ):
        body.append([what, *(cell(found[p]["limit"][part]) for p in profiles)])
    body.append(["**limit, divided by the cores**", *(cell(found[p]["limit_wall"]) for p in profiles)])
    body.append(["wall time / limit", *(f"{found[p]['times_limit']:.2f}" for p in profiles)])
    body.append(
        ["wall time / limit with all cores busy", *(f"{found[p]['times_limit_together']:.2f}" for p in profiles)]
    )
    yield from rows(["milliseconds an image", *profiles], body)


def conditions(results: Json) -> Iterator[str]:
    """Machine, versions and date; of the newest step."""
    steps = [step for step in results.values() if "machine" in step]
    if not steps:
        return
    on = max((step["machine"] for step in steps), key=lambda machine: machine["date"])
    busy = [cores for step in steps for cores in others_busy(step)] or [0.0]
    engines = {step["engine"] for step in steps}
    if len(engines) > 1:
        yield f"**The steps were measured on {len(engines)} states of this project's code; run all of them again.**\n"
    ours = ", ".join(f"{name} {version}" for name, version in on["ours"].items())
    sdk = ", ".join(f"{name} {version}" for name, version in on["sdk"].items())
    yield (
        f"{on['cpu']}, {on['cores_used']} of {on['cores']} cores, {on['memory_bytes'] / 1e9:.0f} GB, {on['system']}; "
        f"{on['date']}. This project: {ours}. The peers: {sdk}. Medians; "
        f"meanwhile other processes kept {median(busy):.1f} cores busy (median over the runs; at most {max(busy):.1f})."
    )


def others_busy(found: Any) -> Iterator[float]:
    if isinstance(found, dict):
        if "others_busy" in found:
            yield found["others_busy"]
        for value in found.values():
            yield from others_busy(value)
    elif isinstance(found, list):
        for value in found:
            yield from others_busy(value)


def slower(side: Json | None) -> str:
    return f"{side['seconds']:.1f} s, **{side['slower']:.1f}x**" if side else ""


def megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "table.md").write_text(table(json.loads((folder / "results.json").read_text())))
