"""What listing a project finds that is no error and may still be a mistake: counted, and said once each."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_savemasks.engine.tally import Tally


@dataclass(slots=True)
class Remarks:
    """unannotated: pictures without an annotation, which are exported without labels; orphans: annotations without a
    picture, which are left out; strangers: what lies beside pictures and is none, by what it is; filtered: images that
    the filters of a source left out; left_out: pictures that `pick` leaves out as they are listed; notes: everything
    else, a line each.
    """

    notes: list[str] = field(default_factory=list)
    unannotated: Tally = field(default_factory=Tally)
    orphans: Tally = field(default_factory=Tally)
    strangers: dict[str, Tally] = field(default_factory=dict)
    filtered: int = 0
    left_out: int = 0

    def stranger(self, what: str, name: str) -> None:
        """Something that lies beside pictures and is left out."""
        self.strangers.setdefault(what, Tally()).add(name)

    def warnings(self) -> list[str]:
        """A line for each kind, for log, result and manifest."""
        lines = list(self.notes)
        lines += [f"{names.count} {what}, left out: {names}" for what, names in self.strangers.items()]
        if self.filtered:
            lines.append(f"{self.filtered} images left out by the filters of their sources")
        if self.unannotated.count:
            names = str(self.unannotated)
            lines.append(f"{self.unannotated.count} pictures without an annotation, exported without labels: {names}")
        if self.orphans.count:
            lines.append(f"{self.orphans.count} annotations without a picture, left out: {self.orphans}")
        return lines
