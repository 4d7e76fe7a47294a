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

    @property
    def size(self) -> float:
        return abs(self.now - self.before) / max(self.now, self.before)


def shares(pixels: Mapping[str, int]) -> dict[str, float]:
    """Class -> its share of all visible pixels; without classes of which there are none."""
    whole = sum(pixels.values())
    return {name: count / whole for name, count in pixels.items() if count}


def drifts(before: Mapping[str, int], now: Mapping[str, int]) -> list[Drift]:
    """Of each class that was seen before, the largest first. before, now: class -> visible pixels."""
    new = shares(now)
    found = [Drift(name, share, new.get(name, 0.0)) for name, share in shares(before).items()]
    return sorted(found, key=lambda one: (-one.size, one.name))
