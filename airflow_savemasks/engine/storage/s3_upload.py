"""One new object on S3, in one request or as a multipart upload."""

from __future__ import annotations

import threading
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage import s3_parts
from airflow_savemasks.engine.storage.base import Entry, Range
from airflow_savemasks.engine.storage.remote import quietly
from airflow_savemasks.engine.storage.s3_errors import code_of

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.s3 import S3Storage

MARK = "savemasks-upload"  # metadata by which an object is known to be of this upload: ETags tell nothing under KMS
RULE = "the next export, or the bucket's rule for incomplete multipart uploads, removes it"


class S3Upload:
    """One new object. Parts may come from several threads; the multipart upload begins with the first of them."""

    in_order = False

    def __init__(self, storage: S3Storage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._key = storage.key(path)
        self._id: str | None = None
        self._parts: dict[int, dict[str, Any]] = {}
        self._size = 0
        self._mark = uuid4().hex
        self._beginning, self._noting = threading.Lock(), threading.Lock()

    def block(self, number: int, data: bytes) -> None:
        if number >= s3_parts.MOST_PARTS:
            raise StorageError(
                self._storage.locate(self._path), "is too much for one object of S3", "Split the project in several"
            )
        self.begin()
        answer = self._ask("upload_part", UploadId=self._id, PartNumber=number + 1, Body=data)
        self._note(number, answer, len(data))

    def finish(self, last: bytes) -> Entry:
        if self._id is None:
            answer = self._ask("put_object", Body=last)
            return entry_of(answer, answer["ETag"], len(last))
        if last:
            self.block(len(self._parts), last)
        return self.complete()

    def begin(self) -> None:
        """Once, whoever comes first.

        Where the answer is lost and the request repeated, the first upload stays until the next export.
        """
        with self._beginning:
            if self._id is None:
                self._id = self._ask("create_multipart_upload", Metadata={MARK: self._mark})["UploadId"]

    def copy(self, number: int, piece: Range) -> None:
        """A range as the part of a number, from 0 on; copied by the server. Raises Changed."""
        source = self._storage.source(piece)
        answer = self._storage.ask(
            piece.path, "upload_part_copy", Key=self._key, UploadId=self._id, PartNumber=number + 1, **source
        )
        self._note(number, answer["CopyPartResult"], piece.size)

    def complete(self) -> Entry:
        """All parts that were added, as one object."""
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            answer = self._ask("complete_multipart_upload", UploadId=self._id, MultipartUpload={"Parts": parts})
            entry = entry_of(answer, answer["ETag"], self._size)
        except StorageError as error:
            there = self._is_there() if isinstance(error.__cause__, ClientError) else None
            if there is None:
                raise
            entry = there
        self._id = None
        return entry

    def abandon(self) -> None:
        if self._id is None:
            return
        error = quietly(lambda: self._storage.abort(self._path, UploadId=self._id))
        gone = error and isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "NoSuchUpload"
        if error and not gone:
            log.warning("%s: an open multipart upload stays (%s); %s", self._storage.locate(self._path), error, RULE)

    def obey(self) -> None:
        self._storage.obey()

    def _note(self, number: int, answer: dict[str, Any], size: int) -> None:
        """Keep what completing must repeat: the ETag, and the checksum where the client sends some."""
        sums = {name: text for name, text in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        with self._noting:
            self._parts[number] = {"PartNumber": number + 1, "ETag": answer["ETag"], **sums}
            self._size += size

    def _is_there(self) -> Entry | None:
        """The file where an upload that is said to be gone has been completed, by the try whose answer was lost."""
        found = self._storage.head(self._path)
        ours = found is not None and found.get("Metadata", {}).get(MARK) == self._mark
        return entry_of(found, found["ETag"], self._size) if ours else None

    def _ask(self, operation: str, **arguments: Any) -> Any:
        return self._storage.ask(self._path, operation, Key=self._key, **arguments)


def entry_of(answer: Any, tag: str, size: int) -> Entry:
    """What was written, by the answer to it. S3 says when only in a listing; the answer's date is near to it."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    modified = parsedate_to_datetime(date).timestamp() if date else 0.0
    return Entry(size, f"{tag.strip(chr(34))}|{size}", modified)
