"""What a source of pictures is: items as listed, their bytes, and the protocol that gives both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.project.remarks import Remarks

# any case; other files in img/ are no pictures (supervisely-format, section 1)
EXTENSIONS = frozenset(".jpg .jpeg .mpo .bmp .png .webp .tiff .tif .nrrd .jfif".split())


def is_picture(name: str) -> bool:
    """Whether a file name in img/ is one of a picture."""
    stem, dot, extension = name.rpartition(".")
    return bool(stem and dot) and f".{extension.lower()}" in EXTENSIONS


Again = Callable[[], "Source"]


@dataclass(frozen=True, slots=True)
class Item:
    """A picture with its annotation, as listed.

    dataset: full name, `parent/child`; picture, annotation: where the source finds them (annotation None: there is
    none); *_identity: changes when the file changes, "" where only reading tells; size, annotation_size: in bytes;
    problem: why it is a bad item already as it is listed, otherwise "".
    """

    dataset: str
    name: str
    picture: str
    annotation: str | None
    picture_identity: str
    annotation_identity: str
    size: int
    annotation_size: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The bytes of one item, or why there are none.

    refused: they were not asked for, as the item is bad as listed; left_out: the picture was not, as `Wanted` said.
    """

    item: Item
    picture: bytes = b""
    annotation: bytes | None = None
    error: ItemError | None = None
    refused: bool = False
    left_out: bool = False


# told the annotation of an item, if it has one: whether its picture is read as well; may raise ItemError
Wanted = Callable[[Item, bytes | None], bool]


class Source(Protocol):
    """A project, wherever it lies.

    uri: for messages and digests. batch, batch_bytes: how many items, and of how many bytes of pictures, one `load`
    takes best. connections: loads worth having in flight at once; 0 where reading is so fast that a thread of its own
    is a waste. limits: what is too large; set before anything is read. again: opens the same source in another process,
    to which it can be pickled; None where that cannot be. opening_seconds: until such a process has started and opened
    it. is_indexed: whether nothing can be read before an index was.
    """

    uri: str
    batch: int
    batch_bytes: int
    connections: int
    limits: Limits
    again: Again | None
    opening_seconds: float
    is_indexed: bool

    def watch(self, stop: threading.Event) -> None:
        """From now on every method raises Stopped, within a second, once `stop` is set."""

    def meta(self) -> Any:
        """meta.json as parsed JSON. Raises ProjectError."""

    def datasets(self) -> list[str]:
        """Full names, sorted, parents before children."""

    def expect(self, datasets: Sequence[str]) -> None:
        """The items of these will be asked for, in this order, so that they may be listed ahead."""

    def items(self, dataset: str, remarks: Remarks) -> Iterator[Item]:
        """The items of one dataset, sorted by name, bad ones among them; what is no item is told in `remarks`."""

    def index(self) -> bytes | None:
        """What finding the files took, for the other tasks of a group; None where each finds them as fast by itself."""

    def use_index(self, index: bytes) -> None:
        """Take over what another task found. Raises ValueError where it is none."""

    def load(self, items: Sequence[Item], wanted: Wanted | None = None) -> list[Loaded]:
        """The bytes of some items, in their order: those that were listed, or an error. wanted: None wants all.

        Raises StorageError where the storage itself fails.
        """


@runtime_checkable
class Narrows(Protocol):
    """A source whose listing knows what is left out anyway."""

    def narrow(self, tags: Collection[str] | None, *, labelled: bool) -> None:
        """What has none of these tags, or no label where `labelled`, is given without an annotation from now on.

        tags: by their names at the source; None: they do not matter.
        """
