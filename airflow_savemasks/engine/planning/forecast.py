"""What is counted of the items of an export that is only planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import KnownItem, Place
from airflow_savemasks.engine.archive.published import Published, items_of
from airflow_savemasks.engine.errors import ArchiveError, StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.finished import Finished
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.publish.gates import Counted
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.tally import Tally

SHOWN = 20  # names in a result


def _first_ones() -> Tally:
    return Tally(most=SHOWN)


@dataclass(slots=True)
class Forecast:
    """Sums over all items. added: items that the archive does not have that is replaced; removed: those that only it
    has; renamed: whose name another one has; by_class: class -> items with a label of it, and labels.

    known: bytes of reused items; pictures: of those that would be rendered; drawn, drawn_from: bytes in an archive and
    of the picture, of all items of which both are known.
    """

    rendered: int = 0
    reused: int = 0
    added: int = 0
    left_out: int = 0
    labels: int = 0
    unlabelled: Tally = field(default_factory=_first_ones)
    removed: Tally = field(default_factory=_first_ones)
    renamed: Tally = field(default_factory=_first_ones)
    by_class: dict[str, list[int]] = field(default_factory=dict)
    known: int = 0
    pictures: int = 0
    drawn: int = 0
    drawn_from: int = 0

    def add(
        self, planned: Planned, own_name: str, labels: Counter[str], found: Finished | None, before: KnownItem | None
    ) -> None:
        """One item that will be in the archive.

        own_name: its name where no other one has it; labels: class -> labels; found: finished already; before: in the
        archive that is replaced.
        """
        if found is not None:
            self.reused += 1
            self.known += found.known.size
        else:
            self.rendered += 1
            self.pictures += planned.item.size
        if (known := found.known if found else before) is not None:
            self.drawn += known.size
            self.drawn_from += planned.item.size
        self.added += before is None
        whole = found.known.labels if found else labels.total()  # a finished one may be above a limit that is new
        self.labels += whole
        if not whole:
            self.unlabelled.add(f"{planned.folder}/{planned.name}")
        for name, count in labels.items():
            counted = self.by_class.setdefault(name, [0, 0])
            counted[0] += 1
            counted[1] += count
        if planned.name != own_name:
            self.renamed.add({"item": f"{planned.item.dataset}/{planned.item.name}", "becomes": planned.name})

    def size(self, head: int) -> int | None:
        """Bytes of the archive that are to be expected; None where nothing says how large a rendered item is."""
        if self.rendered and not self.drawn_from:
            return None
        growth = self.drawn / self.drawn_from if self.drawn_from else 0
        return head + self.known + round(self.pictures * growth) + len(tar.END)

    def counted(self, drawn: Container[str]) -> Counted:
        """As far as gates can be checked before anything is drawn; a class counts as seen that has a label.

        drawn: the classes whose pixels are counted.
        """
        labels = {name: count for name, (_, count) in self.by_class.items() if name in drawn}
        first = self.unlabelled.first[:]
        return Counted(self.rendered + self.reused, self.unlabelled.count, first_unlabelled=first, pixels=labels)


class OldItems:
    """The items of the archive that is going to be replaced, asked for in its order; which of them are asked for no
    more.
    """

    def __init__(self, team_files: Storage, archive: Published | None, removed: Tally) -> None:
        self._lines = _as_far_as_whole(team_files, archive) if archive else iter(())
        self._removed = removed
        self._held = next(self._lines, None)

    def take(self, place: Place) -> KnownItem | None:
        """The item of this place, if it has one; what comes before it is removed."""
        while self._held is not None and self._held.place < place:
            self._step()
        if self._held is None or self._held.place != place:
            return None
        found = self._held
        self._held = next(self._lines, None)
        return found

    def finish(self) -> None:
        """What is left is removed, too."""
        while self._held is not None:
            self._step()

    def _step(self) -> None:
        assert self._held is not None
        self._removed.add(self._held.item)
        self._held = next(self._lines, None)


def _as_far_as_whole(team_files: Storage, archive: Published) -> Iterator[KnownItem]:
    """Its items, as far as the index can be read: an export renders the rest, too."""
    try:
        yield from items_of(team_files, archive)
    except (ArchiveError, StorageError) as error:
        log.warning("%s: not used any further: %s", team_files.locate(archive.index.file), error)
