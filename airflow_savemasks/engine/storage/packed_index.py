"""What lies where in a tar or zip, found out by ranged reads: names, sizes, and places of the data."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.storage.base import NO_UTF8, Entry, Folder
from airflow_savemasks.engine.storage.range_reader import RangeReader, Readable

LONGEST_PATH = 32 << 10  # characters of a member's name with its folders
NAMES = 256 << 20  # characters of all names together: they are kept in memory
PACK_AGAIN = "Look whether it was changed or damaged, and pack it again"


class Whole(Readable, Protocol):
    """An archive where it lies, at the path "".

    limits: for what is bounded as it is read; set before that. remote: whether a network is between.
    """

    uri: str
    limits: Limits
    remote: bool

    def stat(self, path: str) -> Entry | None:
        """As a Storage has it."""

    def watch(self, stop: threading.Event) -> None:
        """As a Storage has it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: `packed` bytes stand behind the header that ends (tar) or begins (zip) at `offset`.

    check: the header's checksum (tar) or the CRC-32 of the content (zip); deflated: zip only.
    """

    entry: Entry
    offset: int
    packed: int
    check: int
    deflated: bool = False


class Tree:
    """Folders of an archive by their names, one inside of the other, however deep."""

    def __init__(self) -> None:
        self.folder = Folder([], {})
        self._inside: dict[str, Tree] = {}

    def find(self, path: str) -> Tree | None:
        """What lies at a path; "" is the tree itself."""
        here: Tree | None = self
        for part in path.split("/") if path else ():
            here = here._inside.get(part) if here else None  # noqa: SLF001 - another of its kind
        return here

    def make(self, parts: list[str]) -> Tree:
        """The same, made where it is not there; a part that is no UTF-8 is noted, and ends the way."""
        here = self
        for part in parts:
            if not _is_text(part):
                here.note(part)
                return Tree()
            if part not in here._inside:
                here._inside[part] = Tree()
                here.folder.folders.append(part)
            here = here._inside[part]
        return here

    def note(self, name: str) -> None:
        """Something whose name is no UTF-8."""
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self.folder.others[shown] = NO_UTF8


class Index:
    """The members of an archive as they are found: by path, and as a tree."""

    def __init__(self, uri: str, limits: Limits, *, later_wins: bool) -> None:
        self.members: dict[str, Member] = {}
        self._uri = uri
        self._limits = limits
        self._later_wins = later_wins
        self._names = 0
        self._count = 0

    def add(self, name: str, member: Member) -> None:
        """A file. Raises StorageError that names it where its name cannot be one of a file, or is there already."""
        self._count += 1
        self._limits.check("members", self._count)
        path = self._clean(name)
        self._names += len(path)
        if self._names > NAMES:
            raise StorageError(self._uri, f"names of more than {NAMES >> 20} MiB", "Pack it in several archives")
        if path in self.members and not self._later_wins:
            raise self._wrong(name, "is there twice", "Pack it again, with one file of that name")
        self.members[path] = member

    def tree(self) -> Tree:
        """All folders; a single one around everything is taken off, from `members` too."""
        self.members = _unwrapped(self.members)
        return tree_of(self.members)

    def _clean(self, name: str) -> str:
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise self._wrong(name, "is no path below the archive", "Pack it with relative paths")
        if len(name) > LONGEST_PATH:
            raise self._wrong(name[:80], f"has a path of {len(name)} characters", "Pack it with shorter paths")
        path = "/".join(part for part in parts if part not in {"", "."})
        if not path:
            raise self._wrong(name, "has no name", "Pack it again")
        return path

    def _wrong(self, name: str, problem: str, fix: str) -> StorageError:
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return StorageError(self._uri, f"the member {shown!r} {problem}", fix)


def tree_of(members: Mapping[str, Member]) -> Tree:
    """All folders that the paths of members have."""
    root = Tree()
    for path, member in members.items():
        *folders, name = path.split("/")
        place = root.make(folders)
        if _is_text(name):
            place.folder.files[name] = member.entry
        else:
            place.note(name)
    return root


def tar_index(source: Readable, archive: Entry, uri: str, limits: Limits, *, remote: bool) -> Index:
    """The files of a tar, of which the later of two with one name counts, as when it is unpacked.

    remote: whether a network is between. tarfile walks, with old, PAX and GNU names. It takes a damaged header for the
    end, so the end is checked.
    """
    file = RangeReader(source, archive, limits, remote=remote)
    index = Index(uri, limits, later_wins=True)
    known: dict[str, Member] = {}  # for hard links
    with tarfile.open(fileobj=file, mode="r:") as tar:
        file.allow()
        while (info := tar.next()) is not None:
            file.allow()
            tar.members = []  # type: ignore[attr-defined]  # or it keeps an object for each of a million files
            if info.size < 0:
                raise StorageError(uri, f"{info.name!r} has a size below zero", PACK_AGAIN)
            if info.islnk() and info.linkname in known:
                known[info.name] = known[info.linkname]
            elif info.isreg() and not info.issparse():
                identity = f"{archive.identity}@{info.offset_data}+{info.size}"
                entry = Entry(info.size, identity, float(info.mtime))
                known[info.name] = Member(entry, info.offset_data, info.size, info.chksum)
            elif info.isdir():
                continue
            else:
                raise StorageError(uri, f"{info.name!r} is a link or no plain file", "Pack it with tar --dereference")
            index.add(info.name, known[info.name])
        file.allow()
        file.seek(tar.offset)
        end = file.read(tarfile.BLOCKSIZE)
        if end.strip(b"\0"):
            raise StorageError(uri, f"no tar header where one should be, at byte {tar.offset}", PACK_AGAIN)
        if len(end) < tarfile.BLOCKSIZE:
            raise StorageError(uri, "ends without the blocks of zeros at the end of a tar: it is cut off", PACK_AGAIN)
    return index


def tar_checksum(header: bytes) -> int:
    """The checksum that a tar's header has in itself; -1 for what is no header."""
    try:
        return int(header[148:156].strip(b"\0 "), 8)
    except ValueError:
        return -1


def _unwrapped(members: dict[str, Member]) -> dict[str, Member]:
    """Without the one folder that holds everything, as most programs pack it."""
    tops = {name.partition("/")[0] for name in members}
    if len(tops) != 1 or not all("/" in name for name in members):
        return members
    return {name.partition("/")[2]: member for name, member in members.items()}


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)
