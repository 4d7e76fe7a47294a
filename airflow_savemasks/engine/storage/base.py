"""What the engine asks of a storage, whatever it is: a protocol for reading, one for writing, one for the work area.

Paths are relative to the storage's root, with `/`, never leading or trailing; "" is the root itself. Every method
raises StorageError (AccessError where rights or credentials are missing) that names the URI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Protocol, runtime_checkable

from airflow_savemasks.engine.errors import Changed, NotFound
from airflow_savemasks.engine.limits import LIMITS, Limits

ClientFactory = Callable[[], Any]
Buffer = bytes | memoryview
WORK_FOLDER = ".parts"  # below a root: what an export keeps until it is published
CHUNK = 1 << 20  # bytes read at a time when something is streamed


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as listed. size in bytes; identity changes with the content; modified in seconds since 1970.

    Two entries are equal where size and identity are: some storages tell the time of a write only when they list it.
    """

    size: int
    identity: str
    modified: float = field(compare=False)


NO_UTF8 = "a file whose name is no UTF-8"


@dataclass(frozen=True, slots=True)
class Folder:
    """One level of a storage: names of the folders in it, its files by name, and what is neither.

    others: name -> what it is, in words ("a pipe", "a link to nowhere"). Such a thing is never opened, and a name that
    is no UTF-8 stands here too, written readably. identity: of the folder itself where links can lead to it, or "".
    """

    folders: list[str]
    files: dict[str, Entry]
    others: dict[str, str] = field(default_factory=dict)
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """`size` bytes of a file from `offset` on. known: the file as it was when they were chosen; see `compose`."""

    path: str
    offset: int
    size: int
    known: Entry | None = None


Piece = bytes | Range


class NewFile(BinaryIO):
    """A file that is being written. Storages give what can be used as one; none is made from this class itself.

    entry: size and identity as `stat` will show them, from the answer to the write itself, so that whoever writes the
    same file afterwards is not taken for this one. It is there once the block of `writing` has ended, not before.
    """

    entry: Entry


@runtime_checkable
class Placed(Protocol):
    """A file into which several threads may write at once, each at its own place."""

    def write_at(self, pieces: Sequence[Buffer], offset: int) -> None:
        """Write pieces one after the other from `offset` on, whatever lies before it. Raises StorageError."""


class ReadableStorage(Protocol):
    """A tree of files below one root, to be read: what a project needs, packed or not.

    limits: what is too large in a packed one; remote: whether each call waits for a network, so that calls which do not
    need each other are better made at once.
    """

    uri: str
    limits: Limits = LIMITS
    remote: bool = False

    def locate(self, path: str) -> str:
        """The full URI of a path, for people and results."""

    def listdir(self, path: str) -> Folder:
        """One level. A folder that does not exist is empty: object storages know no folders."""

    def stat(self, path: str) -> Entry | None:
        """The file, or None if there is none."""

    def read(self, path: str, known: Entry | None = None) -> bytes:
        """A whole file. known: as it was listed; raises Changed where the bytes are not those of that file.

        Never reads more than `known.size` bytes and one. Raises NotFound.
        """

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        """A range of a file in chunks of about CHUNK bytes. known: as for `read`."""

    def watch(self, stop: threading.Event) -> None:
        """From now on every method raises Stopped, within a second, once `stop` is set; nothing is published then."""


class Composition(Protocol):
    """A file that is put together, in two steps."""

    def prepare(self) -> None:
        """All that can be done before the file appears."""

    def finish(self) -> Entry:
        """Have the file appear, once it is prepared; see `WritableStorage.compose`."""


class WritableStorage(ReadableStorage, Protocol):
    """A tree that is written to as well: what publishing an archive needs."""

    def writing(self, path: str) -> AbstractContextManager[NewFile]:
        """A new file that appears, whole, when the block ends, and not at all when it raises."""

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """A new file of bytes and ranges of files of this storage, one after the other; whole or not at all.

        Returns it as `NewFile.entry` says. Raises Changed where a range has a `known` and its file is another one now,
        NotFound where it is gone.
        """

    def composing(self, path: str, pieces: Sequence[Piece]) -> AbstractContextManager[Composition]:
        """As `compose`, for whoever has something else to do meanwhile; nothing is left when the block raises."""
        return nullcontext(_AtOnce(partial(self.compose, path, pieces)))

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """A small file, written only if the file that is there is `known` (None: only if there is none).

        Returns what was written, as `NewFile.entry` says; None where something else lies there. Content that nobody
        else writes is told from theirs also where the answer to the write was lost. This one looks, then writes: for
        storages that know no conditions; two writers who look at the same time both write.
        """
        if self.stat(path) != known:
            return self.holds(path, content)
        with self.writing(path) as out:
            out.write(content)
        return out.entry

    def holds(self, path: str, content: bytes) -> Entry | None:
        """The file, if it has this content: then whoever could not write it has written it before."""
        entry = self.stat(path)
        if entry is None or entry.size != len(content):
            return None
        try:
            return entry if self.read(path, entry) == content else None
        except (NotFound, Changed):  # somebody writes there, and what is asked is answered by that
            return None

    def delete(self, paths: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""

    def obstacle(self, path: str) -> str | None:
        """Why no file can be written under this path, in words; None where nothing is seen that speaks against it.

        Looks only at what can be known without writing: the name, and what lies there.
        """

    def link(self, path: str) -> str | None:  # noqa: ARG002
        """Where a browser shows the file, None if nowhere."""
        return None


@runtime_checkable
class Indexed(Protocol):
    """A storage that has to read an index before it can read anything: see `Source` in project/source.py."""

    def index(self) -> bytes | None: ...

    def use_index(self, index: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """A composition of which nothing can be done before."""

    compose: Callable[[], Entry]

    def prepare(self) -> None:
        pass

    def finish(self) -> Entry:
        return self.compose()


class Storage(WritableStorage, Protocol):
    """A tree with room for work in progress: what an export needs of Team Files.

    boot_id: a text that changes when unsynced files may be lost; keeps_parts: no ranges can be read there, so parts
    have to stay; grows: whether there are growing files.
    """

    boot_id: str = ""
    keeps_parts: bool = False
    grows: bool = False

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        """Remove what a killed writer of files in `folder` (or of `names` themselves) left; how many things."""

    def may_write(self) -> bool | None:
        """Whether a file could be written, as far as that can be asked without making one; None where it cannot."""
        return None

    def growing(self, path: str) -> AbstractContextManager[BinaryIO | None]:  # noqa: ARG002
        """A file of the work folder, open to be written on, that may become the beginning of a composed one uncopied.

        It is made if it is not there, and stays when the block raises. None where there is no such thing.
        """
        return nullcontext()

    def remove_growing(self, path: str) -> None:
        """Remove a growing file that nobody has open; what is published of it stays under its own name."""
        del path  # there is none
