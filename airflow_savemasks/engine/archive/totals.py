"""What is counted over all items of an archive, for its manifest."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.index import KnownItem
from airflow_savemasks.engine.tally import Tally


@dataclass(slots=True)
class Totals:
    """Sums. files: members of the tar but those of its head; pixels, labelled: class -> visible pixels, items that show
    it.

    skipped: bad items that were; left_out: pictures that `pick` leaves out; undrawn: shape -> labels of it that no mask
    shows, as the shape is unknown; notes: what else is remarkable about all of them together, a line each.
    """

    items: int = 0
    files: int = 0
    labels: int = 0
    left_out: int = 0
    pixels: dict[str, int] = field(default_factory=dict)
    labelled: dict[str, int] = field(default_factory=dict)
    undrawn: dict[str, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, item: KnownItem) -> None:
        """One more item."""
        self.items += 1
        self.files += item.files
        self.labels += item.labels
        for name, pixels in item.pixels.items():
            self.pixels[name] = self.pixels.get(name, 0) + pixels
            self.labelled[name] = self.labelled.get(name, 0) + 1
        for shape, count in item.undrawn.items():
            self.undrawn[shape] = self.undrawn.get(shape, 0) + count

    def warnings(self) -> list[str]:
        """The notes, and one for all labels that no mask shows although their class has a color: of unknown shapes."""
        names = Tally()
        for shape in sorted(self.undrawn):
            names.add(shape)
        total = sum(self.undrawn.values())
        undrawn = f"{total} labels of unknown shapes, kept in their annotations and not drawn: {names}"
        return [*self.notes, undrawn] if total else list(self.notes)
