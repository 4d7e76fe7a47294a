"""What lies where in a tar or zip, found out by ranged reads: names, sizes, and places of the data."""

from __future__ import annotations

import calendar
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage import Entry, Folder, Storage

LEAST_READ, MOST_READ = 64 << 10, 4 << 20  # bytes of one read
HEADER = 512  # bytes of a tar's header
STRANGE = "__MACOSX/"  # what macOS adds to a zip
AGAIN = "Look whether it was changed or damaged, and pack it again"


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


class RangeReader(io.RawIOBase):
    """A whole storage file (at the path "") to seek in; reads are small, and grow while one follows the other."""

    def __init__(self, storage: Storage, archive: Entry) -> None:
        super().__init__()
        self._storage = storage
        self._archive = archive
        self._size = archive.size
        self._at = self._start = 0
        self._held = b""
        self._step = LEAST_READ

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        size = left if size < 0 else min(size, left)
        end = self._start + len(self._held)
        if size and not self._start <= self._at <= self._at + size <= end:
            follows = 0 <= self._at - end < self._step
            self._step = min(self._step * 2, MOST_READ) if follows else LEAST_READ
            wanted = min(max(size, self._step), left)
            self._held, self._start = b"".join(self._storage.stream("", self._at, wanted, self._archive)), self._at
        data = self._held[self._at - self._start :][:size]
        self._at += size
        return data


def read_index(storage: Storage, archive: Entry) -> dict[str, Member]:
    """Path -> member, for all files; a single folder around everything is taken off. Raises StorageError."""
    file = RangeReader(storage, archive)
    walk = _tar_members if storage.uri.lower().endswith(".tar") else _zip_members
    try:
        found = {_clean(name): member for name, member in walk(file, archive, storage.uri)}
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise StorageError(storage.uri, f"cannot be read as an archive ({error})", AGAIN) from error
    return _unwrapped(found)


def tree(members: dict[str, Member]) -> dict[str, Folder]:
    """Path of a folder -> what is in it."""
    folders = {"": Folder([], {})}
    for path, member in members.items():
        parent, _, name = path.rpartition("/")
        _add_folder(folders, parent)
        folders[parent].files[name] = member.entry
    return folders


def tar_checksum(header: bytes) -> int:
    """The checksum that a tar's header has in itself; -1 for what is no header."""
    try:
        return int(header[148:156].strip(b"\0 "), 8)
    except ValueError:
        return -1


def _tar_members(file: RangeReader, archive: Entry, uri: str) -> Iterator[tuple[str, Member]]:
    """tarfile walks, with old, PAX and GNU names. It takes a damaged header for the end, so the end is checked."""
    known: dict[str, Member] = {}
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for info in tar:
            tar.members = []  # type: ignore[attr-defined]  # or it keeps an object for each of a million files
            if info.islnk() and info.linkname in known:
                yield info.name, known[info.linkname]
            elif info.isreg() and not info.issparse():
                identity = f"{archive.identity}@{info.offset_data}+{info.size}"
                entry = Entry(info.size, identity, float(info.mtime))
                known[info.name] = member = Member(entry, info.offset_data, info.size, info.chksum)
                yield info.name, member
            elif not info.isdir():
                raise StorageError(uri, f"{info.name!r} is a link or no plain file", "Pack it with tar --dereference")
        file.seek(tar.offset)
        if file.read(HEADER).strip(b"\0"):
            raise StorageError(uri, f"no tar header where one should be, at byte {tar.offset}", AGAIN)


def _zip_members(file: RangeReader, _archive: Entry, uri: str) -> Iterator[tuple[str, Member]]:
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            if info.is_dir() or info.filename.startswith(STRANGE):
                continue
            if info.flag_bits & 1:
                raise StorageError(uri, f"{info.filename!r} is encrypted", "Pack it without a password")
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise StorageError(uri, f"{info.filename!r} is not deflated", "Pack it with an ordinary zip program")
            when = calendar.timegm((*info.date_time, 0, 0, 0))
            identity = f"{info.CRC:08x}-{info.file_size}-{when}"
            deflated = info.compress_type == zipfile.ZIP_DEFLATED
            entry = Entry(info.file_size, identity, float(when))
            yield info.filename, Member(entry, info.header_offset, info.compress_size, info.CRC, deflated)


def _clean(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in {"", "."})


def _unwrapped(members: dict[str, Member]) -> dict[str, Member]:
    """Without the one folder that holds everything, as most programs pack it."""
    tops = {name.partition("/")[0] for name in members}
    if len(tops) != 1 or not all("/" in name for name in members):
        return members
    return {name.partition("/")[2]: member for name, member in members.items()}


def _add_folder(folders: dict[str, Folder], path: str) -> None:
    """A folder and its parents."""
    if path not in folders:
        parent, _, name = path.rpartition("/")
        _add_folder(folders, parent)
        folders[parent].folders.append(name)
        folders[path] = Folder([], {})
