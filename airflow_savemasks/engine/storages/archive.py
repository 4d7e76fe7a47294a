"""A project that lies in one `.tar` or `.zip`, on any storage, as a storage that can only be read.

The index is read once; then each file is one ranged read. Nothing is unpacked to a disk.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, NoReturn

from airflow_savemasks.engine.errors import Changed, NotFound, StorageError
from airflow_savemasks.engine.storage import CHUNK, Entry, Folder, Piece, Storage
from airflow_savemasks.engine.storages.archive_index import AGAIN, HEADER, Member, read_index, tar_checksum, tree

LOCAL = 30  # bytes of a zip's header before the name
BEHIND = 512  # bytes of name and extra field that are read along; where there are more, a second read gets the rest


class ArchiveStorage(Storage):
    """A tar or zip as a tree of files; a single folder around everything is not seen. Reads may run in parallel.

    storage: has the archive itself at the path "". A file's identity: in a zip CRC-32, size and time, so that files
    that stay the same keep theirs when the zip is packed again; in a tar, which has no checksums of content, its place
    in an archive of this identity.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.uri = storage.uri
        self._tar = storage.uri.lower().endswith(".tar")
        self._reading = threading.Lock()
        self._index: dict[str, Member] | None = None
        self._folders: dict[str, Folder] = {}
        self._archive = Entry(0, "", 0.0)

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}" if path else self.uri

    def listdir(self, path: str) -> Folder:
        self._members()
        return self._folders.get(path) or Folder([], {})

    def stat(self, path: str) -> Entry | None:
        member = self._members().get(path)
        return member.entry if member else None

    def read(self, path: str, known: Entry | None = None) -> bytes:
        member = self._members().get(path)
        if member is None:
            raise NotFound(self.locate(path), "does not exist", "Correct the path or put the file there")
        if known is not None and known.identity != member.entry.identity:
            raise Changed(self.locate(path))
        return self._from_tar(member) if self._tar else self._from_zip(path, member)

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        data = self.read(path, known)[offset : offset + size]
        if len(data) < size:
            raise StorageError(self.locate(path), f"ends {size - len(data)} bytes too early", AGAIN)
        yield from (data[at : at + CHUNK] for at in range(0, size, CHUNK))

    def writing(self, path: str) -> AbstractContextManager[BinaryIO]:
        self._refuse(path)

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:  # noqa: ARG002 - of the Protocol
        self._refuse(path)

    def delete(self, paths: Iterable[str]) -> None:
        self._refuse(next(iter(paths), ""))

    def sweep(self, folder: str, names: Iterable[str]) -> int:  # noqa: ARG002 - of the Protocol
        self._refuse(folder)

    def watch(self, stop: threading.Event) -> None:
        self._storage.watch(stop)

    def obstacle(self, path: str) -> str | None:  # noqa: ARG002 - of the Protocol
        return "an archive, which is only read"

    def _refuse(self, path: str) -> NoReturn:
        raise StorageError(self.locate(path), "lies in an archive, which is only read", "Choose a folder to write to")

    def _members(self) -> dict[str, Member]:
        with self._reading:
            if self._index is None:
                archive = self._storage.stat("")
                if archive is None:
                    raise NotFound(self.uri, "does not exist", "Correct the path or put the file there")
                index = read_index(self._storage, archive)
                self._folders, self._archive, self._index = tree(index), archive, index
            return self._index

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
        if member.deflated:
            try:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.entry.size + 1)
            except zlib.error as error:
                raise StorageError(self.locate(path), f"cannot be unpacked ({error})", AGAIN) from error
        if len(data) != member.entry.size or zlib.crc32(data) != member.check:
            raise StorageError(self.locate(path), "is damaged: its CRC-32 is another", AGAIN)
        return data

    def _get(self, offset: int, size: int) -> bytes:
        return b"".join(self._storage.stream("", offset, size, self._archive)) if size > 0 else b""

    def _changed(self) -> StorageError:
        return StorageError(self.uri, "is another archive than it was when it was listed", AGAIN)
