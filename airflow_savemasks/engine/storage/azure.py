"""Azure Blob Storage. Files are written as blocks, which nobody sees before their list is committed.

Archives are put together on the server (Put Block From URL) where the client's credentials can be handed to it: an
account key or a shared access signature; otherwise through this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.core import exceptions as core
from azure.storage.blob import BlobBlock, BlobPrefix, BlobSasPermissions, BlobServiceClient, generate_blob_sas

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.azure_upload import MOST_BLOCKS, AzureUpload, Refused, entry_of
from airflow_savemasks.engine.storage.base import ClientFactory, Entry, Folder, Piece, Range
from airflow_savemasks.engine.storage.block_writer import BLOCK
from airflow_savemasks.engine.storage.object_options import options_of
from airflow_savemasks.engine.storage.remote import RemoteStorage, size_of, split_uri
from airflow_savemasks.engine.storage.retries import Failure, Kind, by_status, one_line, tries_beside

LONGEST_KEY, MOST_PARTS = 1024, 254  # characters and parts of a name
UNWRITTEN = "savemasks-may-this-be-written"  # a name under which nothing is ever written
BATCH = 256  # files in one delete request
COPIED, MOST_COPIED = 256 << 20, 4000 << 20  # bytes of one copied block; more where there would be too many of them
SIGNED = timedelta(hours=12)  # how long a signature for copying lasts
OPTIONS = ("encryption_scope", "standard_blob_tier", "tags", "content_type", "metadata")
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
        if str(getattr(error, "error_code", "")).endswith(("ConditionNotMet", "CONDITION_NOT_MET")):
            return Failure(Kind.CHANGED, fact)
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
        self.options: Mapping[str, Any] = {}  # known once there is a client

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

    def read(self, path: str, known: Entry | None = None) -> bytes:
        blob = self.blob(path)

        def read() -> bytes:
            return self._gather(path, blob.download_blob(**_condition(known)).chunks(), known)

        return self.run(path, read)  # type: ignore[no-any-return]

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """Ranges are copied by the server where it can be given the right to read them, else through this process."""
        blocks = split(pieces)
        if len(blocks) > MOST_BLOCKS:
            raise StorageError(
                self.locate(path),
                f"{size_of(pieces) / (1 << 40):.2f} TiB in {len(blocks)} blocks are too much for one blob of Azure",
                "Set volume_size (such as 1 TiB), so that the archive goes on in another file",
            )
        if not any(isinstance(piece, Range) and self.url(piece.path) for piece in pieces):
            return super().compose(path, pieces)
        upload = AzureUpload(self, path)
        try:
            self._uploads.run(_putting(upload, *numbered) for numbered in enumerate(blocks))
        except Refused as error:
            log.debug("%s: not copied by the server: %s", self.locate(path), error)
            return super().compose(path, pieces)
        return self._uploads.result(self._uploads.begin(partial(upload.commit, size_of(pieces))))

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """The service itself looks at the ETag, so of many writers one wins."""
        if self.stat(path) != known:
            return self.holds(path, content)
        return self._begin(path).whole_if(content, known) or self.holds(path, content)

    def delete(self, paths: Iterable[str]) -> None:
        todo = iter(paths)
        while batch := list(islice(todo, BATCH)):
            self.run(batch[0], partial(self._delete, [self.key(path) for path in batch]))

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:  # noqa: ARG002 - of the Protocol
        """Nothing to do: blocks that were never committed go after a week, or when their blob is written."""
        return 0

    def may_write(self) -> bool | None:
        """Asks to commit a block that is not there: Azure looks at the right to write before it looks for the block."""
        try:
            self.run(UNWRITTEN, partial(self.blob(UNWRITTEN).commit_block_list, [BlobBlock("AAAA")]))
        except AccessError:
            return False
        except StorageError as error:
            code = str(getattr(error.__cause__, "error_code", ""))
            return True if code.endswith(("InvalidBlockList", "INVALID_BLOCK_LIST")) else None
        return None

    def blob(self, path: str) -> Any:
        """Azure's client of one file; asks nothing."""
        client = self._client()
        self.options = options_of(self._factory, self.uri, OPTIONS)
        return client.get_blob_client(self._container, self.key(path))

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

    def _fetch(self, path: str, offset: int, size: int, known: Entry | None) -> bytes:
        blob = self.blob(path)

        def read() -> bytes:
            try:
                chunks = blob.download_blob(offset, size, **_condition(known)).chunks()
                return self._gather(path, chunks, None, size)
            except core.HttpResponseError as error:
                if error.status_code == 416:
                    return b""  # the file ends before the range begins
                raise

        return self.run(path, read)  # type: ignore[no-any-return]

    def _begin(self, path: str) -> AzureUpload:
        return AzureUpload(self, path)

    def _refusal(self, key: str, encoded: bytes) -> str | None:  # noqa: ARG002
        parts = key.split("/")
        if len(key) > LONGEST_KEY:
            return f"a name of {len(key)} characters, of which {LONGEST_KEY} can be stored"
        if len(parts) > MOST_PARTS:
            return f"a path of {len(parts)} parts, of which {MOST_PARTS} can be stored"
        if "\\" in key:
            return "a backslash in the name, which Azure takes for a slash"
        return "a part of the path ends in a dot" if any(part.endswith(".") for part in parts) else None

    def _delete(self, names: Sequence[str]) -> None:
        container = self._client().get_container_client(self._container)
        for answer in container.delete_blobs(*names, delete_snapshots="include", raise_on_any_failure=False):
            if answer.status_code >= 300 and answer.status_code != 404:
                raise core.HttpResponseError(f"{answer.status_code} {answer.reason}", response=answer)


def split(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces in such as a block may hold, no empty ones; the copied ones larger where the whole is.

    >>> [getattr(block, "size", block) for block in split([b"", b"head", Range("x", 5, COPIED + 1)])]
    [b'head', 268435456, 1]
    """
    copied = min(max(COPIED, -(-size_of(pieces) // (MOST_BLOCKS // 2))), MOST_COPIED)
    blocks: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            blocks += [piece[at : at + BLOCK] for at in range(0, len(piece), BLOCK)]
        else:
            ends = range(0, piece.size, copied)
            blocks += [replace(piece, offset=piece.offset + at, size=min(copied, piece.size - at)) for at in ends]
    return blocks


def _putting(upload: AzureUpload, number: int, block: Piece) -> tuple[Callable[[], None], int]:
    """What adds a block of `split`, and the bytes that it holds meanwhile."""
    if isinstance(block, bytes):
        return partial(upload.block, number, block), len(block)
    return partial(upload.copy, number, block), 0


def _condition(known: Entry | None) -> dict[str, Any]:
    """The arguments of a download that say which version it must be."""
    if known is None:
        return {}
    return {"etag": f'"{known.identity.rpartition("|")[0]}"', "match_condition": MatchConditions.IfNotModified}


def _entry(found: Any) -> Entry:
    return entry_of(found.etag, found.last_modified, found.size)
