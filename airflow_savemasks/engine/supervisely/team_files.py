"""A folder of an instance's Team Files as storage (supervisely-api, section 3).

The API uploads whole files and reads no ranges, so parts are kept in another storage (`parts`), and after an export
they stay there: they are what the next one reuses.
"""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, cast

from airflow_savemasks.engine.errors import Changed, NotFound, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, WORK_FOLDER, Entry, Folder, NewFile, Piece, Range, Storage
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.uris import instant

Json = dict[str, Any]


class TeamFiles(Storage):
    """Files of one team below one folder; paths below `.parts` belong to the storage for parts."""

    keeps_parts = True
    remote = True

    def __init__(self, api: Api, team: int, folder: str, parts: Storage) -> None:
        self._api, self._team, self._folder, self._parts = api, team, folder.rstrip("/"), parts
        self.address = api.address
        self.uri = f"supervisely://team/{team}{self._folder}"
        self.boot_id: str = parts.boot_id
        self._replacing = threading.Lock()

    def locate(self, path: str) -> str:
        return self._parts.locate(path) if _is_part(path) else f"{self.uri}/{path}"

    def link(self, path: str) -> str | None:
        """Where a browser finds a file."""
        record = self._record(path)
        return record.get("fullStorageUrl") if record else None

    def listdir(self, path: str) -> Folder:
        if _is_part(path):
            return self._parts.listdir(path)
        top = self._full(path) if path else f"{self._folder}/"
        top = f"{top.rstrip('/')}/"
        folders: dict[str, None] = {}
        files: dict[str, Entry] = {}
        for record in self._list(top, recursive=False):
            name, slash, _ = record["path"].removeprefix(top).partition("/")
            if not record["path"].startswith(top) or not name:
                continue
            if slash or record.get("isDir"):
                folders[name] = None
            else:
                files[name] = _entry(record)
        return Folder(list(folders), files)

    def stat(self, path: str) -> Entry | None:
        if _is_part(path):
            return self._parts.stat(path)
        record = self._record(path)
        return None if record is None else _entry(record)

    def read(self, path: str, known: Entry | None = None) -> bytes:
        if _is_part(path):
            return self._parts.read(path, known)
        entry = self._same(path, known)
        content = b"".join(self._chunks(path, 0, entry.size + 1, entry))
        if len(content) != entry.size:
            raise Changed(self.locate(path))
        return content

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        if _is_part(path):
            yield from self._parts.stream(path, offset, size, known)
            return
        entry = self._same(path, known)
        for chunk in self._chunks(path, offset, size, entry):
            yield chunk
            size -= len(chunk)
        if size:
            raise StorageError(self.locate(path), f"ends {size} bytes too early", "Export again with reuse=False")

    def watch(self, stop: threading.Event) -> None:
        self._api.watch(stop)
        self._parts.watch(stop)

    def obstacle(self, path: str) -> str | None:
        if _is_part(path):
            return self._parts.obstacle(path)
        return "a NUL in the name" if "\0" in path else None

    @contextmanager
    def writing(self, path: str) -> Iterator[NewFile]:
        """Spooled, then uploaded when the block ends: an upload cannot be taken back half-way."""
        if _is_part(path):
            with self._parts.writing(path) as out:
                yield out
            return
        with tempfile.SpooledTemporaryFile(max_size=8 * CHUNK) as spool:
            out = cast("NewFile", spool)
            yield out

            def content() -> Iterator[bytes]:
                spool.seek(0)
                while chunk := spool.read(CHUNK):
                    yield chunk

            out.entry = self._upload(path, content)

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """Streamed from the parts to the instance, without a file in between; from the start again if it breaks."""
        if _is_part(path):
            return self._parts.compose(path, pieces)

        def content() -> Iterator[bytes]:
            for piece in pieces:
                if isinstance(piece, Range):
                    yield from self.stream(piece.path, piece.offset, piece.size, piece.known)
                else:
                    yield piece

        return self._upload(path, content)

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """In the work folder as the storage for parts does it.

        Beside it the file is looked at, then uploaded: the API knows no conditions. Of the threads of this storage one
        wins; another process that looks at the same moment is not seen.
        """
        if _is_part(path):
            return self._parts.write_if(path, content, known)
        with self._replacing:
            return super().write_if(path, content, known)

    def delete(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        self._parts.delete([path for path in paths if _is_part(path)])
        for path in paths:
            if not _is_part(path) and self._record(path) is not None:
                self._api.call("file-storage.remove", {"teamId": self._team, "path": self._full(path)})

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        """Only the storage for parts may have left-overs: an upload that broke leaves no file."""
        del names
        return self._parts.remove_abandoned(folder, [])

    def _upload(self, path: str, content: Any) -> Entry:
        """Send a file; as the instance's answer says that it is there. Raises StorageError where it is another one."""
        seen = {"size": 0, "hash": ""}

        def counted() -> Iterator[bytes]:
            running, size = sha256(), 0
            for chunk in content():
                self._api.obey()
                running.update(chunk)
                size += len(chunk)
                yield chunk
            self._api.obey()  # the end of the body is what publishes it
            seen.update(size=size, hash=base64.b64encode(running.digest()).decode("ascii"))

        record = self._api.post_raw("file-storage.upload", {"teamId": self._team, "path": self._full(path)}, counted)
        size = (record.get("meta") or {}).get("size", record.get("size"))
        if record.get("hash") != seen["hash"] or int(size or 0) != seen["size"]:
            self._api.clear("file-storage.remove", {"teamId": self._team, "path": self._full(path)})
            raise StorageError(
                self.locate(path),
                f"the instance has {size} bytes, hash {record.get('hash')}; sent were {seen['size']}, {seen['hash']}",
                "The file was removed; run it again (finished parts are kept)",
            )
        return _entry(record)

    def _same(self, path: str, known: Entry | None) -> Entry:
        """The file as it is now. Raises NotFound; Changed where it is not the one that is `known`."""
        entry = self.stat(path)
        if entry is None:
            raise NotFound(self.locate(path), "does not exist", "Correct the path or put the file there")
        if known is not None and known.identity != entry.identity:
            raise Changed(self.locate(path))
        return entry

    def _chunks(self, path: str, offset: int, size: int, entry: Entry) -> Iterator[bytes]:
        """Part of a file, which was `entry` before and must be it afterwards: the API knows no conditions."""
        yield from self._api.download(*self._download(path), offset, size, CHUNK, entry.size)
        self._same(path, entry)

    def _download(self, path: str) -> tuple[str, Json]:
        return "file-storage.download", {"teamId": self._team, "path": self._full(path)}

    def _record(self, path: str) -> Json | None:
        full = self._full(path)
        return next((record for record in self._list(full, recursive=True) if record["path"] == full), None)

    def _list(self, path: str, *, recursive: bool) -> list[Json]:
        body = {"teamId": self._team, "path": path, "recursive": recursive}
        try:
            return list(self._api.call("file-storage.list", body))
        except NotFound:
            return []

    def _full(self, path: str) -> str:
        return f"{self._folder}/{path}"


def _is_part(path: str) -> bool:
    return path == WORK_FOLDER or path.startswith(f"{WORK_FOLDER}/")


def _entry(record: Json) -> Entry:
    size = int((record.get("meta") or {}).get("size") or record.get("size") or 0)
    changed = record.get("updatedAt") or record.get("createdAt")
    identity = f"{size}-{record.get('hash')}-{record.get('id')}"
    return Entry(size, identity, instant(changed).timestamp() if changed else 0.0)
