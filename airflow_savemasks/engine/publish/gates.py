"""Gates: figures of an archive that is about to be published, against bounds that were asked for.

The figures stand in the manifest, whether there are bounds or not. They are counted while items are placed, so that
what is bounded is what is published; a failed gate keeps all finished items, so that a wider one renders nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Any

from airflow_savemasks.engine.archive.index import KnownItem
from airflow_savemasks.engine.archive.published import Published, items_of
from airflow_savemasks.engine.archive.shares import Drift, drifts, shares
from airflow_savemasks.engine.errors import GateError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.settings.gates import Gates
from airflow_savemasks.engine.storage.base import Storage

WORST = 10  # items, or classes, that a failed gate names
DIGITS = 4  # of a share

Failed = tuple[str, str, str]  # name of a gate, the fact, the worst items


@dataclass(slots=True)
class Counted:
    """What is counted of the items of an archive. unlabelled: items without a label, the first of them by name; empty:
    items with labels of which no mask shows any, the worst (most labels) by name; pixels: class -> visible ones; most:
    class -> the item that shows most of it.
    """

    items: int = 0
    unlabelled: int = 0
    empty: int = 0
    first_unlabelled: list[str] = field(default_factory=list)
    worst_empty: list[tuple[int, str]] = field(default_factory=list)  # a heap, the least bad first
    pixels: dict[str, int] = field(default_factory=dict)
    most: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, item: KnownItem) -> None:
        """One more item."""
        self.items += 1
        if not item.labels:
            self.unlabelled += 1
            if len(self.first_unlabelled) < WORST:
                self.first_unlabelled.append(item.item)
        elif not any(item.pixels.values()):
            self.empty += 1
            bad = item.labels, item.item
            if len(self.worst_empty) < WORST:
                heappush(self.worst_empty, bad)
            else:
                heappushpop(self.worst_empty, bad)
        for name, pixels in item.pixels.items():
            self.pixels[name] = self.pixels.get(name, 0) + pixels
            if pixels > self.most.get(name, (0, ""))[0]:
                self.most[name] = pixels, item.item


def check_gates(job: Job, counted: Counted, before: Published | None, where: str) -> dict[str, Any]:
    """The figure of each gate beside its bound (None: not asked for), for the manifest.

    before: the archive that drift is measured against, None where there is none; where: this one's place, for the
    error. Raises GateError with all gates that fail.
    """
    gates = job.options.gates or Gates()
    moved = drifts(_pixels(before), counted.pixels) if before else []
    if failed := failed_gates(gates, counted, moved):
        raise GateError(failed, where)
    unlabelled, empty = _share(counted.unlabelled, counted.items), _share(counted.empty, counted.items)
    return {
        "max_unlabelled": _figure(round(unlabelled, DIGITS), gates.max_unlabelled, items=counted.unlabelled),
        "max_empty_masks": _figure(round(empty, DIGITS), gates.max_empty_masks, items=counted.empty),
        "min_items": _figure(counted.items, gates.min_items),
        "max_class_drift": _figure(
            round(moved[0].size, DIGITS) if moved else None,
            gates.max_class_drift,
            **({"class": moved[0].name} if moved else {}),
            against=before.name if before else None,
        ),
        "classes_present": _figure(sorted(shares(counted.pixels)), list(gates.classes_present) or None),
    }


def failed_gates(gates: Gates, counted: Counted, moved: Sequence[Drift] = ()) -> list[Failed]:
    """The gates that what was counted does not pass. moved: how classes drifted, the largest first."""
    absent = [name for name in gates.classes_present if not counted.pixels.get(name)]
    unlabelled, empty = _share(counted.unlabelled, counted.items), _share(counted.empty, counted.items)
    failed: list[Failed] = []
    if gates.max_unlabelled is not None and unlabelled > gates.max_unlabelled:
        fact = _too_many(counted.unlabelled, counted.items, "have no label", gates.max_unlabelled)
        failed.append(("max_unlabelled", fact, _some(counted.first_unlabelled, counted.unlabelled)))
    if gates.max_empty_masks is not None and empty > gates.max_empty_masks:
        fact = _too_many(counted.empty, counted.items, "have labels and an empty mask", gates.max_empty_masks)
        failed.append(
            ("max_empty_masks", fact, _some([n for _, n in _worst_first(counted.worst_empty)], counted.empty))
        )
    if gates.min_items is not None and counted.items < gates.min_items:
        failed.append(("min_items", f"{counted.items} items, at least {gates.min_items} are wanted", ""))
    if gates.max_class_drift is not None and moved and moved[0].size > gates.max_class_drift:
        beyond = [one for one in moved if one.size > gates.max_class_drift]
        fact = f"{_told(beyond[0])}, at most {gates.max_class_drift:g} is allowed"
        failed.append(("max_class_drift", fact, _drifted(beyond, counted)))
    if absent:
        failed.append(("classes_present", f"no mask shows {', '.join(map(repr, absent[:WORST]))}", _seen(counted)))
    return failed


def check_gates_of(job: Job, team_files: Storage, published: Published) -> None:
    """The same for an archive that is there and stays as it is: it may have been published with wider gates, or none.

    Reads its index, where there are gates. Drift is none, as it replaces nothing. Raises GateError, ArchiveError.
    """
    if job.options.gates is None:
        return
    counted = Counted()
    for item in items_of(team_files, published):
        counted.add(item)
    check_gates(job, counted, None, team_files.locate(f"{published.name}.tar"))


def _pixels(archive: Published) -> dict[str, int]:
    return {str(item["name"]): int(item["pixels"]) for item in archive.raw["classes"]}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _figure(figure: Any, bound: Any, **more: Any) -> dict[str, Any]:
    return {"figure": figure, "bound": bound, **more}


def _too_many(part: int, whole: int, what: str, bound: float) -> str:
    return f"{part} of {whole} items {what} ({_percent(part / whole)}), at most {_percent(bound)} may"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _worst_first(heap: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(heap, key=lambda one: (-one[0], one[1]))


def _some(names: list[str], count: int) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names)}{more}"


def _told(one: Drift) -> str:
    return (
        f"{one.name!r} went from {_percent(one.before)} to {_percent(one.now)} of the visible pixels ({one.size:.2g})"
    )


def _drifted(beyond: list[Drift], counted: Counted) -> str:
    lines = []
    for one in beyond[:WORST]:
        most = f"; most of it in {counted.most[one.name][1]}" if one.name in counted.most else ""
        lines.append(f"{_told(one)}{most}")
    return _some(lines, len(beyond))


def _seen(counted: Counted) -> str:
    seen = sorted(shares(counted.pixels))
    return f"to be seen are {_some([repr(name) for name in seen[:WORST]], len(seen))}" if seen else "no class is seen"
