"""What listing a project finds that is no error and may still be a mistake: counted, and said once each."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_savemasks.engine.tally import Tally


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
