"""How many things of one kind there are, and the first of them: for warnings and results that stay short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 5  # names in a warning
MOST_NAMES = 20  # that exist, in a message: projects have thousands of classes, and each item may have its message


@dataclass(slots=True)
class Tally:
    """How many things of one kind, and the first of them, mostly by name. most: how many are kept."""

    count: int = 0
    first: list[Any] = field(default_factory=list)
    most: int = SHOWN

    def add(self, what: Any) -> None:
        self.count += 1
        if len(self.first) < self.most:
            self.first.append(what)

    def __str__(self) -> str:
        more = f" and {self.count - len(self.first)} more" if self.count > len(self.first) else ""
        return ", ".join(map(repr, self.first)) + more


def some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first of some names for a message, in their order: `['a', 'b'] and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{list(names[:most])}{more}"
