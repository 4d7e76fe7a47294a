"""One item of an open archive: what the index knows of it, and its files, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.archive.index import IndexLine, Member
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.image.png_read import indices_as_gray
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.reading.kinds import KINDS

if TYPE_CHECKING:
    from airflow_savemasks.engine.reading.archive import Archive

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
    def split(self) -> str:
        """The share that it belongs to, "" where nothing is split."""
        return self._line.split

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
        """Kind -> name of the file in the archive, of those that it has.

        Where each label has a mask of its own, the kind of one is "instances/" and the file's stem.
        """
        return {kind: found.name for kind, found in self._members.items()}

    @property
    def picture(self) -> NDArray[Any]:
        """(height, width, 3) RGB or (height, width), of the file's dtype, turned as its EXIF data say; no alpha."""
        return self._decoded("picture", TURNED)

    @property
    def human(self) -> NDArray[Any]:
        """(height, width, 3) uint8 RGB, of the finished mask. Raises ArchiveError if there is none."""
        return self._decoded("human", AS_WRITTEN)

    @property
    def machine(self) -> NDArray[Any]:
        """(height, width), the values, or (height, width, 3) RGB, of the file's dtype. Raises ArchiveError if there is
        none.
        """
        return self._decoded("machine", AS_WRITTEN)

    @property
    def semantic(self) -> NDArray[Any]:
        """(height, width, 3) uint8 RGB, each class in its color of meta.json. Raises ArchiveError if there is none."""
        return self._decoded("semantic", AS_WRITTEN)

    @property
    def instances(self) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """The masks of labels.

        Of ids: (height, width) uint16, the place in the annotation's `objects`, from 1, of the label on top. Of files:
        by their stems, in the order of the annotation, each (height, width) uint8, 0 and 255. Raises ArchiveError if
        the archive has no such masks.
        """
        if "instances" in self._members:
            return self._decoded("instances", AS_WRITTEN)
        if not self._members_of("instances") and self.archive.options.get("instances") != "files":
            raise self._none("instances")
        return {kind.partition("/")[2]: self._decoded(kind, AS_WRITTEN) for kind in self._members_of("instances")}

    @property
    def visible(self) -> list[dict[str, Any]]:
        """What is visible of each label in the mask of ids, by place: "id", "class", "pixels", "box".

        The box is left, top, right and bottom, inclusive; None where nothing shows. Empty without such a mask.
        """
        return self._line.instances or []

    @property
    def annotation(self) -> dict[str, Any]:
        """The annotation as JSON. Raises ArchiveError where it is none."""
        try:
            return dict(whole_numbers.loads(self.bytes("annotation")))
        except (TypeError, ValueError) as error:
            raise self._error("annotation", f"does not parse ({error})") from error

    def bytes(self, kind: str) -> bytes:
        """A file as it is; kind: one of `files`.

        Raises ArchiveError where there is none, where the archive was replaced, and, if the archive was opened with
        `check_hashes`, where the bytes are not those that were written.
        """
        member = self.member(kind)
        if member is None:
            raise self._none(kind)
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
        return self._members.get(kind)

    @cached_property
    def _members(self) -> dict[str, Member]:
        """By kind, in the order of KINDS."""
        each = f"{self.name.rpartition('/')[0]}/{KINDS['instances']}/"  # files of labels lie in folders below
        found = {}
        for kind, folder in KINDS.items():
            for one in self._line.members:
                if one.kind == folder:
                    stem = one.name.rpartition("/")[2].removesuffix(".png")
                    several = one.name.startswith(each) and "/" in one.name[len(each) :]
                    found[f"{kind}/{stem}" if several else kind] = one
        return found

    def _members_of(self, kind: str) -> list[str]:
        """The kinds of several files that are of one."""
        return [name for name in self._members if name.startswith(f"{kind}/")]

    def _decoded(self, kind: str, flags: int) -> NDArray[Any]:
        content = self.bytes(kind)
        if kind == "machine":
            content = indices_as_gray(content)
        try:
            image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        except cv2.error as error:  # nothing at all, or a header that promises too much
            raise self._error(kind, f"does not decode ({error.err})") from error
        if image is None:
            raise self._error(kind, "does not decode")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image

    def _none(self, kind: str) -> ArchiveError:
        fix = f"It has {sorted(self.files)}" if kind.partition("/")[0] in KINDS else f"Choose of {sorted(KINDS)}"
        return ArchiveError(f"{self.archive.uri}, {self.name}", f"has no file of kind {kind!r}", fix)

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
