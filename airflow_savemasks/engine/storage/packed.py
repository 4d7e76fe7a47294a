"""A project that lies in one tar or zip, on any storage, as a storage that can only be read.

The index is read once; then each file is one ranged read. Only a compressed tar, which has no places to read from, is
unpacked to a work file.
"""

from __future__ import annotations

import tarfile
import threading
import zlib
from collections.abc import Iterator
from zipfile import BadZipFile

from airflow_savemasks.engine.errors import Changed, Damaged, NotFound, Stopped, StorageError
from airflow_savemasks.engine.limits import LIMITS, Limits, TooLarge
from airflow_savemasks.engine.storage.base import CHUNK, Entry, Folder, ReadableStorage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.packed_index import (
    PACK_AGAIN,
    Member,
    Tree,
    Whole,
    tar_checksum,
    tar_index,
    tree_of,
)
from airflow_savemasks.engine.storage.packed_kept import dump, load
from airflow_savemasks.engine.storage.packed_unpacking import unpack
from airflow_savemasks.engine.storage.packed_zip import inflate, zip_index
from airflow_savemasks.engine.storage.range_reader import Readable

HEADER = tarfile.BLOCKSIZE  # bytes of a tar's header
LOCAL = 30  # bytes of a zip's header before the name
BEHIND = 512  # bytes of name and extra field that are read along; where there are more, a second read gets the rest
BROKEN = (tarfile.TarError, BadZipFile, zlib.error, EOFError, ValueError, OverflowError, RecursionError)


def is_folder(storage: ReadableStorage) -> bool:
    """Whether what is called like an archive is a folder all the same."""
    if isinstance(storage, FolderStorage):
        return storage.root.is_dir()
    if not storage.uri.partition("://")[2].partition("/")[2]:
        return True  # a whole bucket
    if storage.stat("") is not None:
        return False
    found = storage.listdir("")
    return bool(found.files or found.folders or found.others)


class PackedStorage(ReadableStorage):
    """A tar or zip as a tree of files; a single folder around everything is not seen. Reads may run in parallel.

    storage: has the archive itself at the path "". A file's identity: in a zip CRC-32, size and time, so that files
    that stay the same keep theirs when the zip is packed again; in a tar, which has no checksums of content, its place
    in an archive of this identity.
    """

    def __init__(self, storage: Whole, limits: Limits = LIMITS) -> None:
        self._storage = storage
        self.limits = limits
        self.uri = storage.uri
        name = storage.uri.lower()
        self._zip, self._plain = name.endswith(".zip"), name.endswith((".tar", ".zip"))
        self._reading = threading.Lock()
        self._stop = threading.Event()
        self._source: Readable = storage
        self._archive = Entry(0, "", 0.0)
        self._index: dict[str, Member] | None = None
        self._tree = Tree()

    def index(self) -> bytes | None:
        """None for a compressed tar: whoever reads it has to unpack it."""
        return dump(self._members(), self._archive) if self._plain else None

    def use_index(self, index: bytes) -> None:
        with self._reading:
            self._storage.limits = self.limits
            self._index, self._archive = load(index)
            self._tree = tree_of(self._index)

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}" if path else self.uri

    def watch(self, stop: threading.Event) -> None:
        self._stop = stop
        self._storage.watch(stop)

    def listdir(self, path: str) -> Folder:
        self._members()
        found = self._tree.find(path)
        return found.folder if found else Folder([], {})

    def stat(self, path: str) -> Entry | None:
        member = self._members().get(path)
        return member.entry if member else None

    def read(self, path: str, known: Entry | None = None) -> bytes:
        member = self._members().get(path)
        if member is None:
            raise NotFound(self.locate(path), "does not exist", "Correct the path or put the file there")
        if known is not None and known.identity != member.entry.identity:
            raise Changed(self.locate(path))
        return self._from_zip(path, member) if self._zip else self._from_tar(member)

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        data = self.read(path, known)[offset : offset + size]
        if len(data) < size:
            raise StorageError(self.locate(path), f"ends {size - len(data)} bytes too early", PACK_AGAIN)
        for at in range(0, size, CHUNK):
            self._obey()
            yield data[at : at + CHUNK]

    def _obey(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _members(self) -> dict[str, Member]:
        self._obey()
        with self._reading:
            self._obey()
            if self._index is None:
                self._index = self._read_index()
            return self._index

    def _read_index(self) -> dict[str, Member]:
        self._storage.limits = self.limits
        archive = self._storage.stat("")
        if archive is None:
            raise NotFound(self.uri, "does not exist", "Correct the path or put the file there")
        if not self._plain:
            work = unpack(self._storage, archive, self.uri, self.limits, self._obey)
            self._source, archive = work, Entry(work.size, archive.identity, archive.modified)
        try:
            walk = zip_index if self._zip else tar_index
            index = walk(self._source, archive, self.uri, self.limits, remote=self._plain and self._storage.remote)
            self._tree, self._archive = index.tree(), archive
        except TooLarge as error:
            raise StorageError(self.uri, str(error), error.fix) from error
        except BROKEN as error:
            raise StorageError(self.uri, f"cannot be read as an archive ({error})", PACK_AGAIN) from error
        return index.members

    def _from_tar(self, member: Member) -> bytes:
        """The header is read along: it shows whether the archive was replaced since it was listed."""
        data = self._get(member.offset - HEADER, HEADER + member.packed)
        if tar_checksum(data[:HEADER]) != member.check:
            raise self._changed()
        return data[HEADER:]

    def _from_zip(self, path: str, member: Member) -> bytes:
        """The data stands behind a header of which only its own first bytes tell the length."""
        size = LOCAL + BEHIND + member.packed
        data = self._get(member.offset, min(size, self._archive.size - member.offset))
        if data[:4] != b"PK\3\4":
            raise self._changed()
        start = LOCAL + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
        end = start + member.packed
        data = (data + self._get(member.offset + len(data), end - len(data)))[start:end]
        unpacked: bytes | None = data
        if member.deflated:
            try:
                unpacked = inflate(data, member.entry.size)
            except zlib.error as error:
                raise Damaged(self.locate(path), f"cannot be unpacked ({error})", PACK_AGAIN) from error
        if unpacked is None or len(unpacked) != member.entry.size:
            fact = f"is damaged: it does not have the {member.entry.size} bytes that it says to have"
            raise Damaged(self.locate(path), fact, PACK_AGAIN)
        if zlib.crc32(unpacked) != member.check:
            raise Damaged(self.locate(path), "is damaged: its CRC-32 is another", PACK_AGAIN)
        return unpacked

    def _get(self, offset: int, size: int) -> bytes:
        self._obey()
        return b"".join(self._source.stream("", offset, size, self._archive)) if size > 0 else b""

    def _changed(self) -> StorageError:
        return StorageError(self.uri, "is another archive than it was when it was listed", PACK_AGAIN)
