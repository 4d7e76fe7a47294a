"""One new object on Google Cloud Storage, in one request or as a resumable upload."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.cloud.storage.fileio import BlobWriter
from google.cloud.storage.retry import DEFAULT_RETRY

from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage import block_writer
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.remote import quietly

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.gcs import GcsStorage

BINARY = "application/octet-stream"
RETRY = DEFAULT_RETRY  # Google's policy for what is safe to repeat; whole files under one name are


class _Writer(BlobWriter):  # type: ignore[misc]
    """Google's writer, which ends the upload only when it is told to; otherwise forgetting it would publish a part."""

    answer: Any = None  # to the last request

    def close(self) -> None:
        """Nothing: Python calls this when the writer is forgotten."""

    def commit(self) -> None:
        super().close()

    def _initiate_upload(self) -> None:
        """Google's writer forgets what the service says of the finished object."""
        super()._initiate_upload()
        upload, _ = self._upload_and_transport
        send = upload.transmit_next_chunk

        def noted(*arguments: Any, **options: Any) -> Any:
            self.answer = send(*arguments, **options)
            return self.answer

        upload.transmit_next_chunk = noted


class GcsUpload:
    """One new object: a single request, or, from the first full block on, a resumable upload."""

    in_order = True  # the service takes each block where the one before ends

    def __init__(self, owner: GcsStorage, path: str) -> None:
        self._owner = owner
        self._path = path
        self._writer: _Writer | None = None

    def block(self, number: int, data: bytes) -> None:  # noqa: ARG002 - they come in order
        if self._writer is None:
            blob = self._owner.blob(self._path)
            self._writer = _Writer(
                blob, chunk_size=block_writer.BLOCK, ignore_flush=True, retry=RETRY, **self._arguments()
            )
        writer = self._writer
        self._owner.run(self._path, lambda: writer.write(data), tries=1)  # repeats requests itself, by their offsets

    def finish(self, last: bytes) -> Entry:
        if self._writer is None:
            return self.whole(last)
        self.block(0, last)
        self._owner.run(self._path, self._writer.commit, tries=1)
        found = self._writer.answer.json()
        size = int(found["size"])
        return Entry(size, f"{found['generation']}|{size}", datetime.fromisoformat(found["updated"]).timestamp())

    def whole(self, content: bytes, **condition: int) -> Entry:
        """All of it in one request. Raises Changed where a condition does not hold."""
        blob = self._owner.blob(self._path)
        arguments = {**self._arguments(), **condition}
        self._owner.run(self._path, lambda: blob.upload_from_string(content, retry=RETRY, **arguments))
        return entry_of(blob)

    def _arguments(self) -> dict[str, Any]:
        options = self._owner.options
        kind = {"content_type": options.get("content_type", BINARY)}
        return kind | ({"predefined_acl": options["predefined_acl"]} if "predefined_acl" in options else {})

    def obey(self) -> None:
        self._owner.obey()

    def abandon(self) -> None:
        if self._writer is not None and (error := quietly(self._writer.terminate)):
            log.debug("%s: the upload could not be cancelled: %s", self._owner.locate(self._path), error)


def entry_of(blob: Any) -> Entry:
    """An object as it is listed, or as the answer to its write has it."""
    return Entry(blob.size, f"{blob.generation}|{blob.size}", blob.updated.timestamp())
