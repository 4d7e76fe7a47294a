"""How a file is put together on Google Cloud Storage: whole objects by the service, the rest is written first.

The service knows no ranges in this. What is between two whole objects goes through this process into a temporary one in
the folder of the file; so do the results of 32, where there are more. All of them are removed in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_savemasks.engine.errors import Changed
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import Entry, Piece
from airflow_savemasks.engine.storage.gcs_upload import BINARY, RETRY, entry_of
from airflow_savemasks.engine.storage.in_flight import InFlight
from airflow_savemasks.engine.storage.remote import quietly
from airflow_savemasks.engine.storage.temporary import temporary_name

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.gcs import GcsStorage

MOST_SOURCES = 32  # objects that the service puts together at once
WORTHWHILE = 8 << 20  # bytes of an object for which the requests are less than its way through this process


@dataclass(frozen=True)
class _Whole:
    """An object of which all is wanted, as it was seen."""

    path: str
    entry: Entry


class GcsCompose:
    """One new object. uploads, reads: calls on their way; those of `reads` may wait for those of `uploads`."""

    def __init__(self, owner: GcsStorage, path: str, uploads: InFlight, reads: InFlight) -> None:
        self._owner, self._path, self._uploads, self._reads = owner, path, uploads, reads
        self._made: list[str] = []

    def run(self, pieces: Sequence[Piece]) -> Entry:
        """Raises StorageError; Changed where a range is of another file than it is known of."""
        pieces = [piece for piece in pieces if piece if isinstance(piece, bytes) or piece.size]
        wholes = self._reads.run((partial(self._whole, piece), 0) for piece in pieces)
        if not any(wholes):
            return self._owner.compose_here(self._path, pieces)
        try:
            sources = self._sources(list(zip(pieces, wholes, strict=True)))
            while len(sources) > MOST_SOURCES:
                groups = [sources[at : at + MOST_SOURCES] for at in range(0, len(sources), MOST_SOURCES)]
                sources = self._uploads.run((partial(self._together, group), 0) for group in groups)
            entry = self._uploads.result(self._uploads.begin(partial(self._compose, self._path, sources)))
        except BaseException:
            self._uploads.clear(lambda: quietly(self._clear))
            raise
        if error := quietly(self._clear):  # the file is there; an hour later the next export removes what is left
            log.warning("%s: temporary files are left over: %s", self._owner.locate(self._path), error)
        return entry

    def _whole(self, piece: Piece) -> _Whole | None:
        if isinstance(piece, bytes) or piece.offset or piece.size < WORTHWHILE:
            return None
        entry = piece.known or self._owner.stat(piece.path)
        return _Whole(piece.path, entry) if entry is not None and entry.size == piece.size else None

    def _sources(self, found: Sequence[tuple[Piece, _Whole | None]]) -> list[_Whole]:
        """Whole objects, and temporary ones of what is between them."""
        works = []
        for is_whole, run in groupby(found, lambda one: one[1] is not None):
            if is_whole:
                works += [partial(_same, whole) for _, whole in run if whole is not None]
            else:
                works.append(partial(self._written, [piece for piece, _ in run]))
        return self._reads.run((work, 0) for work in works)

    def _written(self, pieces: Sequence[Piece]) -> _Whole:
        path = self._temporary()
        return _Whole(path, self._owner.compose_here(path, pieces))

    def _together(self, group: Sequence[_Whole]) -> _Whole:
        if len(group) == 1:
            return group[0]
        path = self._temporary()
        return _Whole(path, self._compose(path, group))

    def _compose(self, path: str, sources: Sequence[_Whole]) -> Entry:
        blob = self._owner.blob(path)
        blob.content_type = self._owner.options.get("content_type", BINARY)
        generations = [int(source.entry.identity.partition("|")[0]) for source in sources]
        blobs = [self._owner.blob(source.path) for source in sources]
        try:
            self._owner.run(path, lambda: blob.compose(blobs, if_source_generation_match=generations, retry=RETRY))
        except Changed as error:  # the service does not say which
            for source in sources:
                if self._owner.stat(source.path) != source.entry:
                    raise Changed(self._owner.locate(source.path)) from error
            raise
        return entry_of(blob)

    def _temporary(self) -> str:
        folder, slash, name = self._path.rpartition("/")
        self._made.append(f"{folder}{slash}{temporary_name(name)}")
        return self._made[-1]

    def _clear(self) -> None:
        self._owner.delete(self._made)


def _same(whole: _Whole) -> _Whole:
    return whole
