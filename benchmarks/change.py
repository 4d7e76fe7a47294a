"""The step `change`: what an export costs of whose project little or nothing has changed."""

from __future__ import annotations

import random
import shutil
import sys

from measure import HERE, WORK, Json, Project, middle, run, run_ours, say, warm

CHANGED = 0.01  # of all pictures, at random


def measure(target: Project, rounds: int, listed: int) -> Json:
    """Full, nothing changed, and one picture in a hundred touched, in turn; then the plan of very many items.

    listed: items of the synthetic listing (listing.py), which is planned and merged against an old index.
    """
    warm(target)
    out = WORK / "change"
    found: dict[str, list[Json]] = {"full": [], "nothing": [], "one in a hundred": []}
    pictures = sorted(path for path in target.folder.rglob("*") if path.parent.name == "img")
    for number in range(rounds):
        shutil.rmtree(out, ignore_errors=True)
        found["full"].append(run_ours(target, out=out))
        found["nothing"].append(run_ours(target, "--reuse", out=out))
        for picture in random.Random(number).sample(pictures, max(1, round(len(pictures) * CHANGED))):
            picture.touch()
        found["one in a hundred"].append(run_ours(target, "--reuse", out=out))
        for kind, runs in found.items():
            say(f"  {kind}: {runs[-1]['seconds']:.2f} s, {runs[-1]['items']}")
    shutil.rmtree(out)
    medians = {kind: middle(runs, "seconds") for kind, runs in found.items()}
    planned = run([sys.executable, str(HERE / "listing.py"), str(listed)])
    say(f"  {listed} items listed, nothing changed: {planned['nothing_changed_seconds']:.1f} s")
    return {"facts": target.facts, "rounds": found, **medians, "listed": planned}
