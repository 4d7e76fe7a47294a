"""What changed from one archive to another one, by their indices: items, and classes by their share of the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import Any, Literal

from airflow_savemasks.engine.archive.shares import shares
from airflow_savemasks.engine.reading.archive import Archive
from airflow_savemasks.engine.reading.kinds import KINDS

SHOWN = 20  # items of each kind in a result
DIGITS = 6  # of a share
NAME = "name"  # what changed where only the item's name in the archive did
KIND_OF = {folder: kind for kind, folder in KINDS.items()}

Raw = dict[str, Any]  # a line of an index
Counts = dict[str, list[int]]  # class -> visible pixels before and after


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item that is not the same in both. item: its name in the archive that has it, the new one where both have;
    was: its name in the old one.

    what: kinds of its files that changed, and "name"; moved: the pixels by which its classes' counts differ, by its
    area, 0 to 2; pixels: of the classes whose count changed.
    """

    change: Literal["added", "removed", "changed"]
    item: str
    was: str
    what: list[str]
    moved: float
    pixels: Counts

    def to_json(self) -> Raw:
        told: Raw = {"item": self.item, "change": self.change}
        if self.change == "changed":
            told |= {"what": self.what, "moved": round(self.moved, DIGITS)}
        if self.was != self.item:
            told["was"] = self.was
        return told | {"pixels": self.pixels}


class Diff:
    """Two archives beside each other. Items are the same ones by their source: input, dataset and name there."""

    def __init__(self, old: Archive, new: Archive) -> None:
        self.old, self.new = old, new

    def changes(self) -> Iterator[ItemChange]:
        """Every item that is not the same, in the order of archives: both indices are read once, in step."""
        before, after = self.old.lines(), self.new.lines()
        one, other = next(before, None), next(after, None)
        while one is not None or other is not None:
            if other is None or (one is not None and _place(one) < _place(other)):
                assert one is not None
                yield _alone("removed", one)
                one = next(before, None)
            elif one is None or _place(other) < _place(one):
                yield _alone("added", other)
                other = next(after, None)
            else:
                if (change := _compared(one, other)) is not None:
                    yield change
                one, other = next(before, None), next(after, None)

    def to_json(self, changes: Iterator[ItemChange] | None = None) -> Raw:
        """Figures, and the first items of each kind; of the changed ones those that changed most.

        changes: what `changes` gives, for whoever does something else with each of them.
        """
        count = {"added": 0, "removed": 0, "changed": 0}
        first: dict[str, list[str]] = {"added": [], "removed": []}
        most: list[tuple[float, int, ItemChange]] = []  # a heap, what changed least first
        for change in self.changes() if changes is None else changes:
            count[change.change] += 1
            if change.change == "changed":
                found = change.moved, -count["changed"], change
                heappush(most, found) if len(most) < SHOWN else heappushpop(most, found)
            elif len(first[change.change]) < SHOWN:
                first[change.change].append(change.item)
        same = len(self.new) - count["added"] - count["changed"]
        return {
            "old": self.old.uri,
            "new": self.new.uri,
            "items": {"before": len(self.old), "after": len(self.new), **count, "same": same},
            "labels": [archive.manifest["totals"]["labels"] for archive in (self.old, self.new)],
            "classes": self._classes(),
            "most_changed": [change.to_json() for *_, change in sorted(most, reverse=True)],
            "added": first["added"],
            "removed": first["removed"],
        }

    def _classes(self) -> list[Raw]:
        """Every class of either archive; None where one does not know it."""
        known = [{item["name"]: item for item in archive.manifest["classes"]} for archive in (self.old, self.new)]
        parts = [shares({name: item["pixels"] for name, item in table.items()}) for table in known]
        names = dict.fromkeys([*known[0], *known[1]])
        return [
            {
                "name": name,
                "items": [table[name]["items"] if name in table else None for table in known],
                "pixels": [table[name]["pixels"] if name in table else None for table in known],
                "share": [
                    round(part.get(name, 0.0), DIGITS) if name in table else None
                    for part, table in zip(parts, known, strict=True)
                ],
            }
            for name in names
        ]


def _place(raw: Raw) -> tuple[list[str], int, str]:
    source = raw["source"]
    return source["dataset"].split("/"), source["input"], source["name"]


def _alone(change: Literal["added", "removed"], raw: Raw) -> ItemChange:
    counts = {name: [0, count] if change == "added" else [count, 0] for name, count in raw["pixels"].items()}
    return ItemChange(change, raw["item"], raw["item"], [], 1.0, counts)


def _compared(one: Raw, other: Raw) -> ItemChange | None:
    """What changed, or None. Files are compared by their SHA-256, so a rendering anew to the same bytes is none."""
    files = [_files(raw) for raw in (one, other)]
    kinds = [kind for kind in dict.fromkeys([*files[0], *files[1]]) if files[0].get(kind) != files[1].get(kind)]
    what = [*kinds, *([NAME] if one["item"] != other["item"] else [])]
    if not what:
        return None
    names = dict.fromkeys([*one["pixels"], *other["pixels"]])
    counts = {name: [one["pixels"].get(name, 0), other["pixels"].get(name, 0)] for name in names}
    changed = {name: pair for name, pair in counts.items() if pair[0] != pair[1]}
    area = max(raw["height"] * raw["width"] for raw in (one, other))
    moved = sum(abs(after - before) for before, after in changed.values()) / max(area, 1)
    return ItemChange("changed", other["item"], one["item"], what, moved, changed)


def _files(raw: Raw) -> dict[str, list[str]]:
    """Kind -> SHA-256 of its files."""
    found: dict[str, list[str]] = {}
    for member in raw["members"]:
        found.setdefault(KIND_OF.get(member["kind"], member["kind"]), []).append(member["sha256"])
    return found
