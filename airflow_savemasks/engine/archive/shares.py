"""Classes by their share of all visible pixels, and how it changed from one archive to the next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drift:
    """How a class's share of all visible pixels changed: `size` is 0 for not at all, and 1 where it is gone."""

    name: str
    before: float
    now: float
    size: float


def shares(pixels: Mapping[str, int]) -> dict[str, float]:
    """Class -> its share of all visible pixels; without classes of which there are none."""
    whole = sum(pixels.values())
    return {name: count / whole for name, count in pixels.items() if count}


def drifts(before: Mapping[str, int], now: Mapping[str, int]) -> list[Drift]:
    """Of each class that was seen before, the largest first. before, now: class -> visible pixels.

    The size is divided once, of whole numbers, so that one that is just a bound's decimal is not above it.
    """
    new, whole, whole_now = shares(now), sum(before.values()), sum(now.values())
    found = []
    for name, share in shares(before).items():
        old_part, new_part = before[name] * max(whole_now, 1), now.get(name, 0) * whole  # both by the same whole
        size = abs(new_part - old_part) / max(new_part, old_part)
        found.append(Drift(name, share, new.get(name, 0.0), size))
    return sorted(found, key=lambda one: (-one.size, one.name))
