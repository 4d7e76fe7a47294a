"""One new object on S3, in one request or as a multipart upload."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage import s3_parts
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.remote import quietly
from airflow_savemasks.engine.storage.s3_errors import code_of

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.s3 import S3Storage

RULE = "the next export, or the bucket's rule for incomplete multipart uploads, removes it"


class S3Upload:
    """One new object. Parts may come from several threads; the multipart upload begins with the first of them."""

    def __init__(self, storage: S3Storage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._key = storage.key(path)
        self._id: str | None = None
        self._parts: dict[int, dict[str, Any]] = {}

    def block(self, data: bytes) -> None:
        if self._id is None:
            self.begin()
        self.send(len(self._parts) + 1, data)

    def finish(self, last: bytes) -> None:
        if self._id is None:
            self._ask("put_object", Body=last)
            return
        if last:
            self.block(last)
        self.complete()

    def begin(self) -> None:
        """Where the answer is lost and the request repeated, the first upload stays until the next export."""
        self._id = self._ask("create_multipart_upload")["UploadId"]

    def send(self, number: int, data: bytes) -> None:
        if number > s3_parts.MOST_PARTS:
            raise StorageError(
                self._storage.locate(self._path), "is too much for one object of S3", "Split the project in several"
            )
        self._note(number, self._ask("upload_part", UploadId=self._id, PartNumber=number, Body=data))

    def copy(self, number: int, piece: Range) -> None:
        copied = self._ask("upload_part_copy", UploadId=self._id, PartNumber=number, **self._storage.source(piece))
        self._note(number, copied["CopyPartResult"])

    def complete(self) -> None:
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            self._ask("complete_multipart_upload", UploadId=self._id, MultipartUpload={"Parts": parts})
        except StorageError as error:
            if not isinstance(error.__cause__, ClientError) or not self._is_there(parts):
                raise
        self._id = None

    def abandon(self) -> None:
        if self._id is None:
            return
        error = quietly(lambda: self._storage.abort(self._path, UploadId=self._id))
        gone = error and isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "NoSuchUpload"
        if error and not gone:
            log.warning("%s: an open multipart upload stays (%s); %s", self._storage.locate(self._path), error, RULE)

    def obey(self) -> None:
        self._storage.obey()

    def _note(self, number: int, answer: dict[str, Any]) -> None:
        """Keep what completing must repeat: the ETag, and the checksum where the client sends some."""
        sums = {name: text for name, text in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        self._parts[number] = {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def _is_there(self, parts: Sequence[dict[str, Any]]) -> bool:
        """Whether an upload that is said to be gone has been completed: by the try whose answer was lost."""
        entry = self._storage.stat(self._path)
        digests = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
        whole = f"{md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        return entry is not None and entry.identity.startswith(f"{whole}|")

    def _ask(self, operation: str, **arguments: Any) -> Any:
        return self._storage.ask(self._path, operation, Key=self._key, **arguments)
