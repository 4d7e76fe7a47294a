"""A file on S3 that is put together of others: its parts are copied by the server, or sent where they are too small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage import s3_parts
from airflow_savemasks.engine.storage.base import Entry, Piece, Range
from airflow_savemasks.engine.storage.in_flight import InFlight
from airflow_savemasks.engine.storage.remote import size_of
from airflow_savemasks.engine.storage.s3_upload import S3Upload

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.s3 import S3Storage

Join = Callable[[Sequence[Piece]], bytes]


class S3Composition:
    """See `Composition` in storage/base.py. join: pieces as bytes; uploads, reads: of the storage."""

    def __init__(
        self,
        storage: S3Storage,
        path: str,
        pieces: Sequence[Piece],
        endpoint: str,
        flights: tuple[InFlight, InFlight],
        join: Join,
    ) -> None:
        """Raises StorageError for what is too much for one object."""
        self._storage, self._path, self._pieces, self._join = storage, path, pieces, join
        self._uploads, self._reads = flights
        self._size = size_of(pieces)
        self._parts = s3_parts.parts_for(pieces, endpoint)
        self._upload = S3Upload(storage, path)
        if len(self._parts) > s3_parts.MOST_PARTS or self._size > s3_parts.LARGEST:
            raise StorageError(
                storage.locate(path),
                f"{self._size / (1 << 40):.2f} TiB in {len(self._parts)} pieces are too much for one object of S3",
                "Set volume_size (such as 1 TiB), so that the archive goes on in another file",
            )

    def prepare(self) -> None:
        """Nothing for what goes in one request; otherwise all but its completion."""
        if self._size < s3_parts.LEAST:
            return
        self._uploads.result(self._uploads.begin(self._upload.begin))
        self._uploads.run(self._adding(number, part) for number, part in enumerate(self._parts))

    def finish(self) -> Entry:
        if self._size < s3_parts.LEAST:
            self._storage.obey()
            whole = self._join(self._pieces)
            return self._uploads.result(self._uploads.begin(partial(self._upload.finish, whole), self._size))
        self._look_again()
        return self._uploads.result(self._uploads.begin(self._upload.complete))

    def abandon(self) -> None:
        """Leave nothing behind, also after a stop."""
        self._uploads.clear(self._upload.abandon)

    def _adding(self, number: int, pieces: Sequence[Piece]) -> tuple[Callable[[], None], int]:
        """What adds a part, and the bytes that it holds meanwhile."""
        first = pieces[0]
        if len(pieces) == 1 and isinstance(first, Range) and first.size >= s3_parts.LEAST:
            return partial(self._upload.copy, number, first), 0
        return lambda: self._upload.block(number, self._join(pieces)), size_of(pieces)

    def _look_again(self) -> None:
        """Raises Changed where a server knows no conditions for copies and has copied of another file than is known."""
        known = {(first.path, first.known) for first, *_ in self._parts if isinstance(first, Range) and first.known}
        self._reads.run((partial(self._is_still, path, entry), 0) for path, entry in known)

    def _is_still(self, path: str, known: Entry) -> None:
        if self._storage.stat(path) != known:
            raise Changed(self._storage.locate(path))
