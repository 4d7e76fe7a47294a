"""An open archive: `len`, items in order, by number, by name, by dataset."""

from __future__ import annotations

import io
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any, overload

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.archive.naming import META
from airflow_savemasks.engine.archive.published import Published, as_copied, look_at, no_archive
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.reading.index_file import IndexFile
from airflow_savemasks.engine.reading.item import ArchiveItem
from airflow_savemasks.engine.reading.ranges import Opening, Ranges
from airflow_savemasks.engine.storage.base import Storage

AHEAD = 16  # items whose files are asked for before their turn, behind a network
AHEAD_BYTES = 64 << 20  # that these hold at most, but for one
VERIFY = "Verify the archive, and export it again"
OPEN: dict[tuple[str, str], Archive] = {}  # by URI and seal, of this process: what pickled items belong to


class Items(Sequence[ArchiveItem]):
    """Some items of an archive, in its order. numbers: theirs in the archive."""

    def __init__(self, archive: Archive, numbers: Sequence[int]) -> None:
        self._archive = archive
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, wanted: int) -> ArchiveItem: ...

    @overload
    def __getitem__(self, wanted: slice) -> Items: ...

    def __getitem__(self, wanted: int | slice) -> ArchiveItem | Items:
        if isinstance(wanted, slice):
            return Items(self._archive, self._numbers[wanted])
        return self._archive.item(self._numbers[wanted])

    def __iter__(self) -> Iterator[ArchiveItem]:
        """In order. Behind a network the kinds of files that were read of one item are asked for of the next ones."""
        kinds: set[str] = set()
        items = (self._archive.item(number, kinds.add) for number in self._numbers)
        if not self._archive.ranges.remote:
            yield from items
            return
        ahead = deque(islice(items, AHEAD))
        while ahead:
            room = AHEAD_BYTES
            for item in ahead:
                room -= item.begin(kinds)
                if room <= 0:
                    break
            yield ahead.popleft()
            ahead.extend(islice(items, 1))


class Archive(Items):
    """A published archive, as its manifest vouches for it. It can be pickled, and is then opened again.

    uri: of its first volume; manifest, meta: as parsed JSON; check_hashes: whether each file is compared with the
    SHA-256 that the index has of it, as it always is in an archive that was copied.
    """

    def __init__(self, uri: str, opening: Opening, name: str, *, check_hashes: bool, seal: str | None = None) -> None:
        """opening: opens the root in which it lies, in any process; name: there, without `.tar`; seal: its manifest's.

        Raises ArchiveError where there is no archive with a manifest that fits it, StorageError.
        """
        storage = opening()
        published, copied = _published(storage, name)
        self.manifest: dict[str, Any] = published.raw
        self.uri = uri
        self.check_hashes = check_hashes or copied
        self._words = uri, opening, name
        self._published = published
        if seal is not None and seal != self.seal:
            raise ArchiveError(uri, "was replaced after it was opened", "Open it again")
        self._index = IndexFile(storage, published)
        self.ranges = Ranges(opening, storage, published)
        super().__init__(self, range(len(self._index)))

    @property
    def seal(self) -> str:
        """SHA-256 of the manifest: two archives with the same one are the same."""
        return str(self.manifest["sha256"])

    @property
    def meta(self) -> dict[str, Any]:
        """meta.json: classes and tags."""
        try:
            return dict(whole_numbers.loads(self.root[META]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArchiveError(f"{self.uri}, {META}", f"does not parse ({error})", VERIFY) from error

    @property
    def root(self) -> dict[str, bytes]:
        """The files at the archive's root by their names: meta.json, and the class maps where they were asked for."""
        if self._published.root_files:
            start = f"{self._published.name}."
            beside = {file.file.removeprefix(start): file for file in self._published.root_files}
            wanted = {name: file for name, file in beside.items() if not name.startswith("splits.")}
            return {name: self._checked(self.ranges.beside(file), file, name) for name, file in wanted.items()}
        head = self._checked(self.ranges.read(0, 0, self._published.head.size), self._published.head, META)
        try:
            with tarfile.open(fileobj=io.BytesIO(head + tar.END)) as opened:
                return {one.name: opened.extractfile(one).read() for one in opened}  # type: ignore[union-attr]
        except (tarfile.TarError, AttributeError) as error:  # what is no file has no content
            raise ArchiveError(self.uri, f"does not begin as an archive ({error})", VERIFY) from error

    def _checked(self, content: bytes, file: File, name: str) -> bytes:
        if self.check_hashes and sha256(content).hexdigest() != file.sha256:
            raise ArchiveError(f"{self.uri}, {name}", "is not what was written", VERIFY)
        return content

    @property
    def options(self) -> dict[str, Any]:
        """The options that the archive was made with, of those that say what is in it and are not at their default."""
        return dict(self.manifest["settings"].get("options", {}))

    @property
    def datasets(self) -> list[str]:
        """Full names of the datasets, in the order of the archive."""
        return list(dict.fromkeys(raw["source"]["dataset"] for raw in self._index.raw()))

    def dataset(self, name: str) -> Items:
        """The items of one dataset. Raises KeyError where there is none of that name."""
        found = [n for n, raw in enumerate(self._index.raw()) if raw["source"]["dataset"] == name]
        if not found:
            raise KeyError(f"{name!r} is no dataset of {self.uri}; there are {self.datasets}")
        return Items(self, found)

    @property
    def splits(self) -> dict[str, int]:
        """Share -> how many items belong to it, in the order in which shares were given; empty if nothing is split."""
        return dict(self.manifest.get("splits", {}))

    def split(self, name: str) -> Items:
        """The items of one share. Raises KeyError where there is none of that name."""
        if name not in self.splits:
            raise KeyError(f"{name!r} is no share of {self.uri}; there are {list(self.splits)}")
        return Items(self, [n for n, raw in enumerate(self._index.raw()) if raw["split"] == name])

    @overload
    def __getitem__(self, wanted: int | str) -> ArchiveItem: ...

    @overload
    def __getitem__(self, wanted: slice) -> Items: ...

    def __getitem__(self, wanted: int | str | slice) -> ArchiveItem | Items:
        """An item by its number or its name, such as `ds0/a.jpg`; several by a slice. Raises IndexError, KeyError."""
        if not isinstance(wanted, str):
            return super().__getitem__(wanted)
        number = self._index.number(wanted)
        if number is None:
            raise KeyError(f"{wanted!r} is no item of {self.uri}")
        return self.item(number)

    def item(self, number: int, note: Callable[[str], object] = len) -> ArchiveItem:
        """An item by its number. note: told of each kind of file that is read of it."""
        return ArchiveItem(self, number, self._index.line(number), note)

    def lines(self) -> Iterator[dict[str, Any]]:
        """What the index says of each item, as parsed JSON of the right types: a third of the time of all items."""
        return self._index.raw()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Archive) and (self.uri, self.seal) == (other.uri, other.seal)

    def __hash__(self) -> int:
        return hash((self.uri, self.seal))

    def __repr__(self) -> str:
        return f"<archive {self.uri}, {len(self)} items>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (*self._words, self.check_hashes, self.seal)


def _again(uri: str, opening: Opening, name: str, check_hashes: bool, seal: str) -> Archive:
    """The archive of a pickle; opened once in a process, however many of its items come there."""
    if (uri, seal) not in OPEN:
        OPEN[uri, seal] = Archive(uri, opening, name, check_hashes=check_hashes, seal=seal)
    return OPEN[uri, seal]


def _published(storage: Storage, name: str) -> tuple[Published, bool]:
    """What its manifest says, and whether its files are copies of those that were published."""
    known = look_at(storage, name)
    where = storage.locate(f"{name}.tar")
    if storage.keeps_parts:
        raise ArchiveError(where, "lies in an instance, of whose files no ranges can be read", "Download it first")
    if known.file is None:
        raise no_archive(storage, name)
    if known.usable is not None:
        return known.usable, False
    copied = as_copied(storage, known.published) if known.published else None
    if copied is None:
        fact = "the manifest is damaged" if known.published is None else "is not the archive of its manifest"
        raise ArchiveError(where, fact, "Export it again with reuse=False")
    return copied, True
