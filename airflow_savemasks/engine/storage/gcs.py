"""Google Cloud Storage. Files are written as resumable uploads, which nobody sees before their last byte is there.

The service puts whole objects together, not ranges of them: see `gcs_compose.py`.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud import storage  # type: ignore[attr-defined]
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from airflow_savemasks.engine.errors import AccessError, Changed, NotFound, StorageError
from airflow_savemasks.engine.storage.base import ClientFactory, Entry, Folder, Piece
from airflow_savemasks.engine.storage.gcs_compose import GcsCompose
from airflow_savemasks.engine.storage.gcs_upload import GcsUpload, entry_of
from airflow_savemasks.engine.storage.object_options import options_of
from airflow_savemasks.engine.storage.remote import RemoteStorage, name_too_long, split_uri
from airflow_savemasks.engine.storage.retries import Failure, Kind, by_status, one_line, tries_beside
from airflow_savemasks.engine.storage.temporary import beginning_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

ABANDONED = 3600.0  # seconds after which a temporary file has no writer any more
DELETERS = 8  # files deleted at once
OPTIONS = ("kms_key_name", "predefined_acl", "storage_class", "content_type", "metadata", "user_project")
TRIES = tries_beside(3)  # Google's client tries by itself, for two minutes

NETWORK = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def open_uri(uri: str, client: ClientFactory | None) -> GcsStorage:
    """`gs://bucket/prefix`; without a factory Google's application default credentials."""
    return GcsStorage(*split_uri(uri, "bucket"), client or storage.Client)


def explain(error: Exception) -> Failure:
    """What an exception of Google's libraries means."""
    fact = one_line(error)
    if isinstance(error, api.RetryError) and isinstance(error.cause, Exception):
        return explain(error.cause)
    if isinstance(error, api.NotFound) and "bucket does not exist" in str(error):
        return Failure(Kind.BROKEN, "the bucket does not exist", "Correct the URI or create the bucket")
    if isinstance(error, api.PreconditionFailed):
        return Failure(Kind.CHANGED, fact)
    if isinstance(error, api.GoogleAPICallError):
        return by_status(error.code, fact)
    if isinstance(error, InvalidResponse):
        return by_status(error.response.status_code, fact)
    if isinstance(error, (*NETWORK, auth.TransportError, DataCorruption, ConnectionError, TimeoutError)):
        return Failure(Kind.PASSING, fact)
    return Failure(Kind.ACCESS if isinstance(error, auth.GoogleAuthError) else Kind.BROKEN, fact)


class GcsStorage(RemoteStorage):
    """Objects below one prefix. A file's identity is generation and size."""

    def __init__(self, scheme: str, bucket: str, prefix: str, client: ClientFactory) -> None:
        super().__init__(scheme, bucket, prefix, client, explain)
        self._bucket = bucket
        self.options: Mapping[str, Any] = {}  # known once there is a client

    def listdir(self, path: str) -> Folder:
        client, level = self._client(), self._level(path)

        def look() -> Folder:  # as a whole: an iterator of Google's that failed once says that it is at its end
            found = client.list_blobs(self._within(), prefix=level, delimiter="/")
            files = {blob.name[len(level) :]: entry_of(blob) for blob in found}
            files.pop("", None)  # the console marks a folder by an empty object of its name
            return Folder([prefix[len(level) : -1] for prefix in found.prefixes], files)

        return self._guard.call(self.locate(path), look, TRIES)

    def stat(self, path: str) -> Entry | None:
        blob = self._guard.found(self.locate(path), lambda: self._within().get_blob(self.key(path)), TRIES)
        return None if blob is None else entry_of(blob)

    def read(self, path: str, known: Entry | None = None) -> bytes:
        """What was stored; without `known`, what was stored gzipped as it was before that."""
        content = self._download(path, known, None, raw_download=known is not None)
        if known is not None and len(content) != known.size:
            raise Changed(self.locate(path))
        return content

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """The service itself looks at the generation, so of many writers one wins."""
        if self.stat(path) != known:
            return self.holds(path, content)
        generation = 0 if known is None else int(known.identity.partition("|")[0])
        try:
            return self._begin(path).whole(content, if_generation_match=generation)
        except (Changed, NotFound):
            return self.holds(path, content)

    def delete(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        if len(paths) == 1:
            self._delete(paths[0])
            return
        with ThreadPoolExecutor(DELETERS, thread_name_prefix="savemasks-gcs") as pool:
            for _ in pool.map(self._delete, paths):
                pass

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:  # noqa: ARG002 - parts are never composed
        """Removes what a killed compose left, if nobody has written to it for an hour.

        Unfinished resumable uploads cannot be listed, cost nothing, and end after a week.
        """
        starts = {
            f"{folder}/{beginning_of(file)}".lstrip("/") for folder, _, file in (name.rpartition("/") for name in names)
        }
        old = time.time() - ABANDONED
        dead = [path for start in sorted(starts) for path, entry in self._beginning(start) if entry.modified < old]
        self.delete(dead)
        return len(dead)

    def may_write(self) -> bool | None:
        """Asks for the permissions by name."""
        wanted = {"storage.objects.create", "storage.objects.delete"}
        try:
            granted = self._guard.call(self.uri, lambda: self._within().test_iam_permissions(sorted(wanted)), TRIES)
        except AccessError:
            return False
        except StorageError:
            return None
        return wanted <= set(granted)

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """Whole files on the server, all else through this process: the service puts no ranges together."""
        self._within()
        if {"kms_key_name", "predefined_acl"} & set(self.options):  # which Google's library has no place for there
            return self.compose_here(path, pieces)
        return GcsCompose(self, path, self._uploads, self._reads).run(pieces)

    def compose_here(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """All of it through this process."""
        return super().compose(path, pieces)

    def blob(self, path: str) -> Any:
        """Google's handle of a file; asks nothing."""
        blob = self._within().blob(self.key(path), kms_key_name=self.options.get("kms_key_name"))
        if "storage_class" in self.options:
            blob.storage_class = self.options["storage_class"]
        if "metadata" in self.options:
            blob.metadata = self.options["metadata"]
        return blob

    def _within(self) -> Any:
        """Google's handle of the bucket."""
        client = self._client()
        self.options = options_of(self._factory, self.uri, OPTIONS)
        return client.bucket(self._bucket, user_project=self.options.get("user_project"))

    def run(self, path: str, work: Any, tries: int = TRIES) -> Any:
        """A call to Google's library; `path` is for messages."""
        return self._guard.call(self.locate(path), work, tries)

    def _fetch(self, path: str, offset: int, size: int, known: Entry | None) -> bytes:
        return self._download(path, known, size, start=offset, end=offset + size - 1, raw_download=True)

    def _download(self, path: str, known: Entry | None, size: int | None, **arguments: Any) -> bytes:
        """One answer, taken up to the size that is known of it or asked for."""
        blob = self.blob(path)
        if known is not None:
            arguments["if_generation_match"] = int(known.identity.partition("|")[0])
        most = known.size if size is None and known is not None else size

        def read() -> bytes:
            sink = _Sink(self.obey, lambda: Changed(self.locate(path)), most)
            try:
                blob.download_to_file(sink, **arguments)
            except api.RequestRangeNotSatisfiable:
                return b""  # the file ends before the range begins
            return sink.getvalue()

        return self._guard.call(self.locate(path), read, TRIES)

    def _beginning(self, start: str) -> list[tuple[str, Entry]]:
        """All files whose paths begin so."""
        client, prefix = self._client(), self.key(start)
        skip = len(prefix) - len(start)
        return self._guard.call(
            self.locate(start),
            lambda: [(blob.name[skip:], entry_of(blob)) for blob in client.list_blobs(self._within(), prefix=prefix)],
            TRIES,
        )

    def _refusal(self, key: str, encoded: bytes) -> str | None:
        if "\r" in key or "\n" in key:
            return "a line break in the name"
        return name_too_long(encoded)

    def _begin(self, path: str) -> GcsUpload:
        return GcsUpload(self, path)

    def _delete(self, path: str) -> None:
        self._guard.found(self.locate(path), self.blob(path).delete, TRIES)


class _Sink(io.BytesIO):
    """What Google's library writes a download to, in pieces: here it is stopped, and never takes more than `most`."""

    def __init__(self, obey: Callable[[], None], changed: Callable[[], Exception], most: int | None) -> None:
        super().__init__()
        self._obey, self._changed, self._most = obey, changed, most

    def write(self, data: Buffer) -> int:
        self._obey()
        written = super().write(data)
        if self._most is not None and self.tell() > self._most:
            raise self._changed()
        return written

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Back to the start, when it is downloaded once more: what came does not count any more."""
        self.truncate(offset)
        return super().seek(offset, whence)
