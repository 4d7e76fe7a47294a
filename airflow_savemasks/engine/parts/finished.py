"""Items that need no rendering: in the archives that are there, and in the parts that earlier tries finished.

Archives, receipts and plans are all in one order, so that looking for the items of a plan is a merge: each stream is
read once, and memory holds a line of each that is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.index import KnownItem, Place, read_line
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.published import Published
from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.left_out import LEFT_OUT, LeftOut, parse_left_out
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.parts.receipts import SKIPPED, Receipt, lines_of, parse_skipped
from airflow_savemasks.engine.storage.base import Entry, Range, Storage


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished item: its line of the index, what is known by that, and where its bytes lie."""

    raw: bytes
    known: KnownItem
    piece: Range


Ended = Finished | LeftOut  # nothing has to be done for it any more


class FinishedItems:
    """Finds the items of a plan, asked for in the order of the plan.

    archives: that items may be taken from; receipts: of finished parts, by their first item. found_in: paths of the
    receipts, and of the parts' files, in which something was found; leads: files that begin with the head of an
    archive, parts or archives -> its SHA-256.
    """

    def __init__(self, team_files: Storage, archives: list[Published], receipts: list[Receipt]) -> None:
        self._team_files = team_files
        self._coming = receipts[::-1]
        self._open = [_Stream(team_files.locate(old.index.file), _of_archive(team_files, old)) for old in archives]
        self.found_in: set[str] = set()
        self.leads = {receipt.file: receipt.head.lead for receipt in receipts if receipt.head.lead}
        self.leads |= {file: old.head.sha256 for old in archives for file in old.volumes}

    def find(self, planned: Planned) -> Ended | Skipped | None:
        """The finished item, or that `pick` leaves it out; otherwise that it was skipped, if it was."""
        place = planned.origin.place
        while self._coming and self._coming[-1].first <= place:
            receipt = self._coming.pop()
            where = self._team_files.locate(receipt.path)
            self._open.append(_Stream(where, _of_part(self._team_files, receipt), (receipt.path, receipt.file)))
        skipped = None
        for stream in self._open:
            for found in stream.at(place):
                key = found.known.key if isinstance(found, Finished) else found.key
                if key == planned.key and isinstance(found, Ended):
                    self.found_in.update(stream.paths)
                    return found
                if key == planned.key and isinstance(found, Skipped):
                    skipped = found
        self._open = [stream for stream in self._open if not stream.ended]
        return skipped


class _Stream:
    """Lines of one file, of which one is held."""

    def __init__(self, where: str, lines: Iterator[Ended | Skipped], paths: tuple[str, ...] = ()) -> None:
        self._where = where
        self._lines = lines
        self.paths = paths
        self.ended = False
        self._held: Ended | Skipped | None = None
        self._place: Place = ((), 0, "")  # of what is held
        self._step()

    def at(self, place: Place) -> Iterator[Ended | Skipped]:
        """What the file has for a place; what comes before it is passed over."""
        while self._held is not None and self._place <= place:
            if self._place == place:
                yield self._held
            self._step()

    def _step(self) -> None:
        try:
            self._held = next(self._lines, None)
        except (ValueError, StorageError) as error:
            log.warning("%s: not used any further, the rest is rendered: %s", self._where, error)
            self._held = None
        if self._held is None:
            self.ended = True
        else:
            self._place = self._held.known.place if isinstance(self._held, Finished) else self._held.source.place


def _of_archive(team_files: Storage, old: Published) -> Iterator[Finished]:
    volumes = [(file, Entry(size, identity, 0.0)) for file, (size, identity) in old.volumes.items()]
    index = Entry(old.index.size, old.index.identity, 0.0)
    for raw in read_lines(team_files, old.index.file, old.index.size, index):
        line = read_line(raw)
        if line.volume >= len(volumes) or line.offset + line.size > volumes[line.volume][1].size:
            raise ValueError(f"{line.item} lies outside of its archive")
        file, known = volumes[line.volume]
        yield Finished(raw, line, Range(file, line.offset, line.size, known))


def _of_part(team_files: Storage, receipt: Receipt) -> Iterator[Ended | Skipped]:
    for raw in lines_of(team_files, receipt):
        if raw.startswith(SKIPPED):
            yield parse_skipped(raw)
            continue
        if raw.startswith(LEFT_OUT):
            yield parse_left_out(raw)
            continue
        line = read_line(raw)
        if line.offset + line.size > receipt.head.end:
            raise ValueError(f"{line.item} lies outside of its part")
        yield Finished(raw, line, Range(receipt.file, line.offset, line.size))
