"""How many things of one kind there are, and the first of them by name: for warnings that stay short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

SHOWN = 5  # names in a warning
MOST_NAMES = 20  # that exist, in a message: projects have thousands of classes, and each item may have its message


@dataclass(slots=True)
class Tally:
    """How many things of one kind, and the names of the first."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(name)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first)} more" if self.count > len(self.first) else ""
        return ", ".join(map(repr, self.first)) + more


def some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first of some names for a message, in their order: `['a', 'b'] and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{list(names[:most])}{more}"
