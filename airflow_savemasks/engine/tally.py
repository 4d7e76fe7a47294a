"""How many things of one kind there are, and the first of them by name: for warnings that stay short."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 5  # names in a warning


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
