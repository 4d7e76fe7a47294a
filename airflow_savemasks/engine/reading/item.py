"""One item of an open archive: what the index knows of it, and its files, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import orjson
from numpy.typing import NDArray

from airflow_savemasks.engine.archive.index import IndexLine, Member
from airflow_savemasks.engine.errors import ArchiveError

if TYPE_CHECKING:
    from airflow_savemasks.engine.reading.archive import Archive

KINDS = {"picture": "img", "annotation": "ann", "human": "masks_human", "machine": "masks_machine"}
AS_WRITTEN = cv2.IMREAD_UNCHANGED
TURNED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH  # as its EXIF data say, as the masks are


class ArchiveItem:
    """An item. Two of the same archive and number are equal; it can be pickled, and then opens the archive again."""

    def __init__(self, archive: Archive, number: int, line: IndexLine, note: Callable[[str], object]) -> None:
        """note: told of each kind of file that is read."""
        self.archive = archive
        self.number = number
        self._line = line
        self._note = note
        self._begun: dict[str, Future[bytes]] = {}

    @property
    def name(self) -> str:
        """Its folder and name in the archive: `ds0/a.jpg`."""
        return self._line.item

    @property
    def dataset(self) -> str:
        """Full name of its dataset at the source: `parent/child`."""
        return self._line.source.dataset

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self._line.height, self._line.width

    @property
    def labels(self) -> int:
        """How many labels the annotation has."""
        return self._line.labels

    @property
    def pixels(self) -> dict[str, int]:
        """Class name -> visible pixels."""
        return self._line.pixels

    @property
    def files(self) -> dict[str, str]:
        """Kind -> name of the file in the archive, of those that it has."""
        return {kind: found.name for kind in KINDS if (found := self.member(kind)) is not None}

    @property
    def picture(self) -> NDArray[Any]:
        """(height, width, 3) RGB or (height, width), of the file's dtype, turned as its EXIF data say; no alpha."""
        return self._decoded("picture", TURNED)

    @property
    def human(self) -> NDArray[Any]:
        """(height, width of both halves and the column between, 3) uint8 RGB. Raises ArchiveError if there is none."""
        return self._decoded("human", AS_WRITTEN)

    @property
    def machine(self) -> NDArray[Any]:
        """(height, width) or (height, width, 3) RGB, of the file's dtype. Raises ArchiveError if there is none."""
        return self._decoded("machine", AS_WRITTEN)

    @property
    def annotation(self) -> dict[str, Any]:
        """The annotation as JSON. Raises ArchiveError where it is none."""
        try:
            return dict(orjson.loads(self.bytes("annotation")))
        except ValueError as error:
            raise self._error("annotation", f"does not parse ({error})") from error

    def bytes(self, kind: str) -> bytes:
        """A file as it is: "picture", "annotation", "human" or "machine".

        Raises ArchiveError where there is none, where the archive was replaced, and, if the archive was opened with
        `check_hashes`, where the bytes are not those that were written.
        """
        member = self.member(kind)
        if member is None:
            fix = f"It has {sorted(self.files)}" if kind in KINDS else f"Choose of {sorted(KINDS)}"
            raise ArchiveError(f"{self.archive.uri}, {self.name}", f"has no file of kind {kind!r}", fix)
        self._note(kind)
        begun = self._begun.pop(kind, None)
        content = begun.result() if begun is not None else self.archive.ranges.read(*self.place(member))
        if self.archive.check_hashes and sha256(content).hexdigest() != member.sha256:
            raise self._error(kind, "is not what was written")
        return content

    def begin(self, kinds: Iterable[str]) -> int:
        """Have files of these kinds read meanwhile; returns the bytes that all of those that are begun hold."""
        for kind in kinds:
            if kind not in self._begun and (member := self.member(kind)) is not None:
                self._begun[kind] = self.archive.ranges.begin(*self.place(member))
        return sum(found.size for kind in self._begun if (found := self.member(kind)) is not None)

    def place(self, member: Member) -> tuple[int, int, int]:
        """Volume, offset and size of a file."""
        return self._line.volume, self._line.offset + member.offset, member.size

    def member(self, kind: str) -> Member | None:
        """Where a file lies in the item; None if there is none of that kind."""
        return next((one for one in self._line.members if one.kind == KINDS.get(kind)), None)

    def _decoded(self, kind: str, flags: int) -> NDArray[Any]:
        image = cv2.imdecode(np.frombuffer(self.bytes(kind), np.uint8), flags)
        if image is None:
            raise self._error(kind, "does not decode")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image

    def _error(self, kind: str, fact: str) -> ArchiveError:
        return ArchiveError(f"{self.archive.uri}, {self.files[kind]}", fact, "Verify the archive, and export it again")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArchiveItem) and (self.archive, self.number) == (other.archive, other.number)

    def __hash__(self) -> int:
        return hash((self.archive, self.number))

    def __repr__(self) -> str:
        return f"<{self.name} of {self.archive.uri}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _item_of, (self.archive, self.number)


def _item_of(archive: Archive, number: int) -> ArchiveItem:
    return archive[number]
