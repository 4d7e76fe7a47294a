"""How fast items were rendered, as a manifest tells the next plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from airflow_savemasks.engine.archive.published import Published


@dataclass(frozen=True, slots=True)
class Speed:
    """items: that were rendered; seconds: that took, those of all workers added up."""

    items: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def seconds_for(self, items: int) -> float:
        """How long so many items take."""
        return self.seconds * items / self.items


def speed_of(items: int, seconds: float, before: Published | None) -> Speed | None:
    """That of this run; where it rendered nothing, what the manifest before says; None where nobody knows."""
    if items and seconds > 0:
        return Speed(items, round(seconds, 3))
    return known_speed(before)


def known_speed(archive: Published | None) -> Speed | None:
    """What a manifest says. It is not trusted."""
    told = archive.raw.get("speed") if archive else None
    if not isinstance(told, dict):
        return None
    items, seconds = told.get("items"), told.get("seconds")
    if type(items) is not int or not isinstance(seconds, int | float) or items <= 0 or not 0 < seconds < 1e9:
        return None
    return Speed(items, float(seconds))
