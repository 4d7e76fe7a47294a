"""What listing a project finds that is no error and may still be a mistake: counted, and said once each."""

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


@dataclass(slots=True)
class Remarks:
    """unannotated: pictures without an annotation, which are exported without labels; orphans: annotations without a
    picture, which are left out; notes: everything else, a line each.
    """

    notes: list[str] = field(default_factory=list)
    unannotated: Tally = field(default_factory=Tally)
    orphans: Tally = field(default_factory=Tally)

    def warnings(self) -> list[str]:
        """A line for each, for log, result and manifest."""
        lines = list(self.notes)
        if self.unannotated.count:
            names = str(self.unannotated)
            lines.append(f"{self.unannotated.count} pictures without an annotation, exported without labels: {names}")
        if self.orphans.count:
            lines.append(f"{self.orphans.count} annotations without a picture, left out: {self.orphans}")
        return lines
