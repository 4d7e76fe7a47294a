"""Azure Blob Storage. Files are written as blocks, which nobody sees before their list is committed.

Archives are put together on the server (Put Block From URL) where the client's credentials can be handed to it: an
account key or a shared access signature; otherwise through this process.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from uuid import uuid4

from azure.core import exceptions as core
from azure.storage.blob import BlobBlock, BlobPrefix, BlobSasPermissions, BlobServiceClient, generate_blob_sas

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.progress import log
from airflow_savemasks.engine.storage import ClientFactory, Entry, Folder, Piece, Range
from airflow_savemasks.engine.storages.remote import BLOCK, RemoteStorage, size_of, split_uri
from airflow_savemasks.engine.storages.retries import Failure, Kind, by_status, one_line, tries_beside

COPIERS = 8  # blocks copied at once
BATCH = 256  # files in one delete request
COPIED = 256 << 20  # bytes of one copied block; 50,000 of them make an archive of 12 TiB
SIGNED = timedelta(hours=12)  # how long a signature for copying lasts
TRIES = tries_beside(4)  # Azure's client tries that often by itself


def open_uri(uri: str, client: ClientFactory | None) -> AzureStorage:
    """`azure://container/prefix`; without a factory AZURE_STORAGE_CONNECTION_STRING."""
    return AzureStorage(*split_uri(uri, "container"), client or _default_client)


def _default_client() -> BlobServiceClient:
    words = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if not words:
        raise AccessError("azure://", "no credentials", "Set AZURE_STORAGE_CONNECTION_STRING, or use a connection")
    return BlobServiceClient.from_connection_string(words)


def explain(error: Exception) -> Failure:
    """What an exception of Azure's libraries means."""
    fact = one_line(error)
    if isinstance(error, core.HttpResponseError):
        if str(getattr(error, "error_code", "")).endswith(("ContainerNotFound", "CONTAINER_NOT_FOUND")):
            return Failure(Kind.BROKEN, "the container does not exist", "Correct the URI or create the container")
        return by_status(error.status_code, fact)
    network = (core.ServiceRequestError, core.ServiceResponseError, core.IncompleteReadError)
    if isinstance(error, (*network, ConnectionError, TimeoutError)):
        return Failure(Kind.PASSING, fact)
    return Failure(Kind.ACCESS if isinstance(error, core.ClientAuthenticationError) else Kind.BROKEN, fact)


class AzureStorage(RemoteStorage):
    """Block blobs below one prefix. A file's identity is ETag and size."""

    def __init__(self, scheme: str, container: str, prefix: str, client: ClientFactory) -> None:
        super().__init__(scheme, container, prefix, client, explain)
        self._container = container

    def listdir(self, path: str) -> Folder:
        level = self._level(path)
        container = self._client().get_container_client(self._container)

        def look() -> Folder:
            folders, files = [], {}
            for found in container.walk_blobs(name_starts_with=level, delimiter="/"):
                if isinstance(found, BlobPrefix):
                    folders.append(found.name[len(level) :].rstrip("/"))
                else:
                    files[found.name[len(level) :]] = _entry(found)
            markers = {"", *(name for name in folders if name in files and not files[name].size)}
            return Folder(folders, {name: entry for name, entry in files.items() if name not in markers})

        return self.run(path, look)  # type: ignore[no-any-return]

    def stat(self, path: str) -> Entry | None:
        blob = self.blob(path)
        found = self._guard.found(self.locate(path), blob.get_blob_properties, TRIES)
        return None if found is None else _entry(found)

    def read(self, path: str) -> bytes:
        blob = self.blob(path)
        content: bytes = self.run(path, lambda: blob.download_blob().readall())
        return content

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:
        """Ranges are copied by the server, several at once, where it can be given the right to read them."""
        if not any(isinstance(piece, Range) and self.url(piece.path) for piece in pieces):
            super().compose(path, pieces)
            return
        upload = AzureUpload(self, path)
        blocks = [(upload.name(), block) for piece in pieces for block in _cut(piece)]
        with ThreadPoolExecutor(COPIERS, thread_name_prefix="savemasks-azure") as pool:
            for _ in pool.map(lambda numbered: upload.put(*numbered), blocks):
                pass
        upload.commit(size_of(pieces))

    def delete(self, paths: Iterable[str]) -> None:
        todo = iter(paths)
        while batch := list(islice(todo, BATCH)):
            self.run(batch[0], partial(self._delete, [self.key(path) for path in batch]))

    def sweep(self, folder: str, names: Iterable[str]) -> int:  # noqa: ARG002 - of the Protocol
        """Nothing to do: blocks that were never committed go after a week, or when their blob is written."""
        return 0

    def blob(self, path: str) -> Any:
        """Azure's client of one file; asks nothing."""
        return self._client().get_blob_client(self._container, self.key(path))

    def url(self, path: str) -> str | None:
        """An address under which the service itself may read a file; None where the credentials give none."""
        client, blob = self._client(), self.blob(path)
        key = getattr(client.credential, "account_key", None)
        if key:
            signed = generate_blob_sas(
                client.account_name,
                self._container,
                self.key(path),
                account_key=key,
                permission=BlobSasPermissions(read=True),
                expiry=datetime.now(UTC) + SIGNED,
            )
            return f"{blob.url}?{signed}"
        return str(blob.url) if "sig=" in blob.url.partition("?")[2] else None

    def run(self, path: str, work: Any) -> Any:
        """A call to Azure's library; `path` is for messages."""
        return self._guard.call(self.locate(path), work, TRIES)

    def _fetch(self, path: str, offset: int, size: int) -> bytes:
        blob = self.blob(path)

        def read() -> bytes:
            try:
                data: bytes = blob.download_blob(offset, size).readall()
            except core.HttpResponseError as error:
                if error.status_code == 416:
                    return b""  # the file ends before the range begins
                raise
            return data

        return self.run(path, read)  # type: ignore[no-any-return]

    def _begin(self, path: str) -> AzureUpload:
        return AzureUpload(self, path)

    def _delete(self, names: Sequence[str]) -> None:
        container = self._client().get_container_client(self._container)
        for answer in container.delete_blobs(*names, delete_snapshots="include", raise_on_any_failure=False):
            if answer.status_code >= 300 and answer.status_code != 404:
                raise core.HttpResponseError(f"{answer.status_code} {answer.reason}", response=answer)


class AzureUpload:
    """One new blob. Blocks may come from several threads; their names give the order."""

    def __init__(self, owner: AzureStorage, path: str) -> None:
        self._owner = owner
        self._path = path
        self._blob = owner.blob(path)
        self._names: list[str] = []
        self._own = uuid4().hex  # two writers of one blob do not mix their blocks

    def name(self) -> str:
        """The name of the next block; all have one length."""
        self._names.append(b64encode(f"{self._own}{len(self._names):08d}".encode()).decode())
        return self._names[-1]

    def put(self, name: str, piece: Piece) -> None:
        """One block, of bytes or copied by the server; through this process where the server refuses to read."""
        if isinstance(piece, Range):
            url = self._owner.url(piece.path)
            try:
                self._run(lambda: self._blob.stage_block_from_url(name, url, piece.offset, piece.size))
            except StorageError as error:
                log.debug("%s: not copied by the server: %s", self._owner.locate(piece.path), error)
            else:
                return
            piece = b"".join(self._owner.stream(piece.path, piece.offset, piece.size))
        self._run(lambda: self._blob.stage_block(name, piece, length=len(piece)))

    def commit(self, size: int | None = None) -> None:
        """The file appears. size: bytes that must have arrived, as a range that ends too early may be copied short."""
        if size is not None:
            _, there = self._run(lambda: self._blob.get_block_list("uncommitted"))
            missing = size - sum(block.size for block in there if block.id in set(self._names))
            if missing:
                fix = "Export again with reuse=False"
                raise StorageError(self._owner.locate(self._path), f"a part ends {missing} bytes too early", fix)
        blocks = [BlobBlock(name) for name in self._names]
        self._run(lambda: self._blob.commit_block_list(blocks))

    def block(self, data: bytes) -> None:
        self.put(self.name(), data)

    def finish(self, last: bytes) -> None:
        if not self._names:
            self._run(lambda: self._blob.upload_blob(last, overwrite=True))
            return
        if last:
            self.block(last)
        self.commit()

    def abandon(self) -> None:
        """Nothing: what is not committed is no file, and goes by itself."""

    def _run(self, work: Any) -> Any:
        return self._owner.run(self._path, work)


def _cut(piece: Piece) -> list[Piece]:
    """A piece in pieces that a block may hold; none for an empty one."""
    if isinstance(piece, bytes):
        return [piece[at : at + BLOCK] for at in range(0, len(piece), BLOCK)]
    ends = range(0, piece.size, COPIED)
    return [Range(piece.path, piece.offset + at, min(COPIED, piece.size - at)) for at in ends]


def _entry(found: Any) -> Entry:
    return Entry(found.size, f"{found.etag.strip(chr(34))}|{found.size}", found.last_modified.timestamp())
