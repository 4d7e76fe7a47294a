"""The Team Files of all teams: records in memory, bytes in a folder.

An upload becomes visible whole or not at all. An upload over an existing path replaces the file and keeps its id and
`createdAt`; what a real instance does then is unknown.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import posixpath
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

from tests.standin.answers import ApiError

Json = dict[str, Any]
FIRST_FILE_ID = 70_001
OWNER_ID = 1


@dataclass(frozen=True)
class StoredFile:
    """A file in Team Files; `content` is where its bytes are on this disk."""

    id: int
    team_id: int
    path: str
    content: Path
    hash: str
    size: int
    created_at: str
    updated_at: str

    def record(self) -> Json:
        """Return the record of `file-storage.*`."""
        name = posixpath.basename(self.path)
        storage_path = f"/storage/teams/{self.team_id}/{self.content.name}"
        return {
            "id": self.id,
            "teamId": self.team_id,
            "userId": OWNER_ID,
            "name": name,
            "path": self.path,
            "storagePath": storage_path,
            "hash": self.hash,
            "meta": {
                "mime": mimetypes.guess_type(name)[0] or "application/octet-stream",
                "ext": posixpath.splitext(name)[1].removeprefix("."),
                "size": self.size,
            },
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "fullStorageUrl": f"http://127.0.0.1{storage_path}",
            "isDir": False,
        }


class Incoming:
    """An upload on its way: takes chunks, knows size and hash so far."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path, self.size = path, 0
        self._stream, self._digest = stream, hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._stream.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    @property
    def hash(self) -> str:
        """The base64 SHA-256 of the bytes so far."""
        return base64.b64encode(self._digest.digest()).decode()


class Storage:
    """All Team Files; `now` gives the moments of changes."""

    def __init__(self, folder: Path, now: Callable[[], str]) -> None:
        self._folder, self._now = folder, now
        self._files: dict[tuple[int, str], StoredFile] = {}
        self._ids, self._numbers = count(FIRST_FILE_ID), count()
        self._lock = threading.RLock()

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Open a place for an upload; whatever is not published at the end leaves nothing behind."""
        with self._lock:
            path = self._folder / f"{next(self._numbers):06d}"
        try:
            with path.open("wb") as stream:
                yield Incoming(path, stream)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def publish(self, team_id: int, path: str, upload: Incoming) -> StoredFile:
        """Make a finished upload the file at `path`."""
        with self._lock:
            moment, old = self._now(), self._files.get((team_id, path))
            file_id, created = (old.id, old.created_at) if old else (next(self._ids), moment)
            new = StoredFile(file_id, team_id, path, upload.path, upload.hash, upload.size, created, moment)
            self._files[team_id, path] = new
            if old:
                old.content.unlink(missing_ok=True)
        return new

    def write(self, team_id: int, path: str, content: bytes) -> StoredFile:
        """Put a file there without HTTP."""
        with self.incoming() as upload:
            upload.write(content)
        return self.publish(team_id, path, upload)

    def read(self, team_id: int, path: str) -> bytes:
        """Return the bytes of a file without HTTP."""
        return self.file(team_id, path).content.read_bytes()

    def paths(self, team_id: int) -> list[str]:
        """Return the paths of all files of a team, sorted."""
        return sorted(path for team, path in list(self._files) if team == team_id)

    def file(self, team_id: int, path: str) -> StoredFile:
        """Return the file at a path, or refuse with 404."""
        try:
            return self._files[team_id, path]
        except KeyError:
            raise ApiError.not_found("File", path) from None

    def file_by_id(self, file_id: int) -> StoredFile:
        """Return a file by id, or refuse with 404."""
        for file in list(self._files.values()):
            if file.id == file_id:
                return file
        raise ApiError.not_found("File", file_id)

    def listing(self, team_id: int, prefix: str, *, recursive: bool) -> list[Json]:
        """Return the records below a folder, or of every file whose path begins with `prefix`.

        Without `recursive` only the entries of the folder itself: files, and a record with `isDir` for each folder.
        """
        found = [self.file(team_id, path).record() for path in self.paths(team_id) if path.startswith(prefix)]
        if recursive:
            return found
        folder = prefix if prefix.endswith("/") else f"{prefix}/"
        inside = [record for record in found if record["path"].startswith(folder)]
        files = [record for record in inside if "/" not in record["path"][len(folder) :]]
        names = {record["path"][len(folder) :].split("/")[0] for record in inside if record not in files}
        return [self._folder_record(team_id, folder + name) for name in sorted(names)] + files

    def remove(self, team_id: int, paths: Iterable[str]) -> int:
        """Remove files, and folders with everything below them; return how many files went."""
        removed = 0
        with self._lock:
            for target in paths:
                folder = target if target.endswith("/") else f"{target}/"
                for path in self.paths(team_id):
                    if path == target or path.startswith(folder):
                        self._files.pop((team_id, path)).content.unlink(missing_ok=True)
                        removed += 1
        return removed

    def _folder_record(self, team_id: int, path: str) -> Json:
        return {
            "id": None,
            "teamId": team_id,
            "userId": OWNER_ID,
            "name": posixpath.basename(path),
            "path": path,
            "meta": {},
            "isDir": True,
        }
