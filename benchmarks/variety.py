"""The steps `formats` and `geometries`: one kind of picture and one kind of label at a time, against the original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from measure import Json, Project, middle, project, run_ours, run_peer, say, warm

FORMATS = ("jpeg", "png", "png-one-chunk", "png-16", "webp", "tiff", "bmp")
GEOMETRIES = (
    "polygons polygons-over polygons-of-20000 bitmaps-small bitmaps-large bitmaps-noise alpha-masks "
    "rectangles-over lines-random lines-traced points"
).split()
SLOW = frozenset(("lines-random",))  # the peer gets one picture, and its time is multiplied


@dataclass(frozen=True, slots=True)
class Amounts:
    """rounds: of each side; images, dense: of the formats; labelled: of the geometries; only: names, all if empty."""

    rounds: int = 3
    images: int = 16
    dense: int = 2
    labelled: int = 10
    only: Sequence[str] = ()


def formats(amounts: Amounts) -> Json:
    """The same photographs in each format: full HD with 12 labels, and (PNG and JPEG) 4096x3072 with 200."""
    out: Json = {}
    for profile, images, names in (("hd", amounts.images, FORMATS), ("dense", amounts.dense, FORMATS[:2])):
        for name in _asked(names, amounts):
            target = project(f"{profile}-{name}-{images}", profile, images, "--format", name)
            out[f"{profile}, {name}"] = against_original(target, target, amounts.rounds, f"{profile}, {name}")
    return out


def geometries(amounts: Amounts) -> Json:
    """Full-HD photographs with labels of one geometry alone."""
    out: Json = {}
    for name in _asked(GEOMETRIES, amounts):
        options = ("hd", "--geometry", name)
        target = project(f"hd-{name}-{amounts.labelled}", options[0], amounts.labelled, *options[1:])
        theirs = project(f"hd-{name}-1", options[0], 1, *options[1:]) if name in SLOW else target
        out[name] = against_original(target, theirs, amounts.rounds, name)
    return out


def _asked(names: Sequence[str], amounts: Amounts) -> Iterator[str]:
    return (name for name in names if not amounts.only or name in amounts.only)


def against_original(target: Project, theirs: Project, rounds: int, name: str) -> Json:
    """Seconds for the images of `target`, sides in turns; the original's for those of `theirs`, multiplied.

    `slower` is the median of the rounds' ratios: what else the machine does, it does to both sides of a round.
    """
    warm(target)
    times = target.facts["images"] / theirs.facts["images"]
    runs: dict[str, list[Json]] = {"ours": [], "layer": []}
    for number in range(rounds):
        for side in ("ours", "layer") if number % 2 == 0 else ("layer", "ours"):
            runs[side].append(run_ours(target) if side == "ours" else run_peer("layer", theirs))
    ratios = [times * b["seconds"] / a["seconds"] for a, b in zip(runs["ours"], runs["layer"], strict=True)]
    found: Json = {"facts": target.facts, "rounds": runs, "slower": median(ratios)}
    found |= {"ours": middle(runs["ours"], "seconds"), "layer": times * middle(runs["layer"], "seconds")}
    found["layer_images"] = theirs.facts["images"]
    say(f"  {name}: {found['ours']:.2f} s, original {found['layer']:.1f} s, {found['slower']:.1f}x")
    return found
