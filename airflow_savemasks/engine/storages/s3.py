"""Amazon S3, and every server that speaks its language.

Files are written as multipart uploads (or one request, while they are smaller than a block), which nobody sees
before they are completed. Archives are put together on the server with UploadPartCopy. smart_open's writer is not
used: forgotten after an error it completes what was written so far, and a small file costs it three requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from hashlib import md5
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.progress import log
from airflow_savemasks.engine.storage import ClientFactory, Entry, Folder, Piece, Range
from airflow_savemasks.engine.storages import s3_parts
from airflow_savemasks.engine.storages.remote import RemoteStorage, quietly, size_of, split_uri
from airflow_savemasks.engine.storages.retries import tries_beside
from airflow_savemasks.engine.storages.s3_errors import code_of, explain

COPIERS = 8  # parts copied at once
BATCH = 1000  # files in one DeleteObjects
OBJECTS = {"ContinuationToken": "NextContinuationToken"}  # argument for the next page -> where it stands in this one
UPLOADS = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
RULE = "the next export, or the bucket's rule for incomplete multipart uploads, removes it"


def open_uri(uri: str, client: ClientFactory | None) -> S3Storage:
    """`s3://bucket/prefix`; without a factory boto3's default credentials."""
    return S3Storage(*split_uri(uri, "bucket"), client or _default_client)


def _default_client() -> Any:
    return boto3.client("s3", config=Config(max_pool_connections=32))


class S3Storage(RemoteStorage):
    """Objects below one prefix. A file's identity is ETag and size."""

    def __init__(self, scheme: str, bucket: str, prefix: str, client: ClientFactory) -> None:
        super().__init__(scheme, bucket, prefix, client, explain)
        self._bucket = bucket

    def listdir(self, path: str) -> Folder:
        level = self._level(path)
        folders: list[str] = []
        files: dict[str, Entry] = {}
        for page in self._pages("list_objects_v2", OBJECTS, path, Prefix=level, Delimiter="/"):
            folders += [entry["Prefix"][len(level) : -1] for entry in page.get("CommonPrefixes", ())]
            for entry in page.get("Contents", ()):
                files[entry["Key"][len(level) :]] = _entry(entry["Size"], entry)
        files.pop("", None)  # consoles mark a folder by an empty object of its name
        return Folder(folders, files)

    def stat(self, path: str) -> Entry | None:
        client = self._client()
        found = self._guard.found(
            self.locate(path), lambda: client.head_object(Bucket=self._bucket, Key=self.key(path)), self._tries()
        )
        return None if found is None else _entry(found["ContentLength"], found)

    def read(self, path: str) -> bytes:
        return self._get(path)

    def delete(self, paths: Iterable[str]) -> None:
        todo = iter(paths)
        while batch := list(islice(todo, BATCH)):
            keys = [{"Key": self.key(path)} for path in batch]
            self._guard.call(self.locate(batch[0]), partial(self._delete, keys), self._tries())

    def _delete(self, keys: list[dict[str, str]]) -> None:
        answer = self._client().delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
        for failed in answer.get("Errors", ())[:1]:
            raise ClientError({"Error": failed}, "DeleteObjects")

    def sweep(self, folder: str, names: Iterable[str]) -> int:
        """Aborts open multipart uploads, whoever began them: one export at a time writes an archive."""
        wanted = {self.key(name) for name in names}
        level = self._level(folder)
        count = 0
        try:
            for prefix in (level, *sorted(wanted)):
                for page in self._pages("list_multipart_uploads", UPLOADS, folder, Prefix=prefix):
                    for upload in page.get("Uploads", ()):
                        key = upload["Key"]
                        if key in wanted if prefix in wanted else key.startswith(level):
                            self.ask(folder, "abort_multipart_upload", Key=key, UploadId=upload["UploadId"])
                            count += 1
        except AccessError as error:  # rights that nothing else needs; the bucket's rule does it as well
            log.warning("open multipart uploads of killed exports are not removed: %s", error)
        return count

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:
        """On the server; only small pieces and what fills them up to 5 MiB come through this process."""
        size = size_of(pieces)
        parts = s3_parts.cut(pieces)
        if len(parts) > s3_parts.MOST_PARTS or size > s3_parts.LARGEST:
            raise StorageError(
                self.locate(path),
                f"{size / (1 << 40):.2f} TiB in {len(parts)} pieces are too much for one object of S3",
                "Set volume_size (such as 1 TiB), so that the archive goes on in another file",
            )
        upload = S3Upload(self, path)
        try:
            if size < s3_parts.LEAST:
                upload.finish(self._gather(pieces))
                return
            upload.begin()
            with ThreadPoolExecutor(COPIERS, thread_name_prefix="savemasks-s3") as pool:
                jobs = [pool.submit(self._add, upload, *numbered) for numbered in enumerate(parts, 1)]
                try:
                    wait(jobs, return_when=FIRST_EXCEPTION)
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)  # an upload is aborted when nobody adds to it
            for job in jobs:
                if not job.cancelled():
                    job.result()
            upload.complete()
        except BaseException:
            upload.abandon()
            raise

    def ask(self, path: str, operation: str, **arguments: Any) -> Any:
        """One request; `path` is for messages."""
        method = getattr(self._client(), operation)
        return self._guard.call(self.locate(path), lambda: method(Bucket=self._bucket, **arguments), self._tries())

    def source(self, piece: Range) -> dict[str, Any]:
        """The arguments of an UploadPartCopy that say what is copied."""
        last = piece.offset + piece.size - 1
        key = self.key(piece.path)
        return {"CopySource": {"Bucket": self._bucket, "Key": key}, "CopySourceRange": f"bytes={piece.offset}-{last}"}

    def _add(self, upload: S3Upload, number: int, pieces: Sequence[Piece]) -> None:
        first = pieces[0]
        if len(pieces) == 1 and isinstance(first, Range) and first.size >= s3_parts.LEAST:
            upload.copy(number, first)
        else:
            upload.send(number, self._gather(pieces))

    def _gather(self, pieces: Sequence[Piece]) -> bytes:
        return b"".join(
            piece if isinstance(piece, bytes) else b"".join(self.stream(piece.path, piece.offset, piece.size))
            for piece in pieces
        )

    def _fetch(self, path: str, offset: int, size: int) -> bytes:
        try:
            return self._get(path, Range=f"bytes={offset}-{offset + size - 1}")
        except StorageError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in {"InvalidRange", "416"}:
                return b""  # the file ends before the range begins
            raise

    def _get(self, path: str, **arguments: Any) -> bytes:
        client = self._client()

        def read() -> bytes:
            body: bytes = client.get_object(Bucket=self._bucket, Key=self.key(path), **arguments)["Body"].read()
            return body

        return self._guard.call(self.locate(path), read, self._tries())

    def _begin(self, path: str) -> S3Upload:
        return S3Upload(self, path)

    def _pages(self, operation: str, following: dict[str, str], path: str, **arguments: Any) -> Iterator[Any]:
        """All pages of a listing. boto3's paginator ends, as if there were no more, when a page is asked for again."""
        while True:
            page = self.ask(path, operation, **arguments)
            yield page
            if not page.get("IsTruncated"):
                return
            arguments |= {argument: page[field] for argument, field in following.items()}

    def _tries(self) -> int:
        retries = self._client().meta.config.retries or {}
        modes = {"standard": 3, "adaptive": 3}
        return tries_beside(int(retries.get("total_max_attempts") or modes.get(str(retries.get("mode")), 5)))


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
        """Where the answer is lost and the request repeated, the first upload stays open until the next sweep."""
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
        error = quietly(lambda: self._ask("abort_multipart_upload", UploadId=self._id))
        gone = error and isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "NoSuchUpload"
        if error and not gone:
            log.warning("%s: an open multipart upload stays (%s); %s", self._storage.locate(self._path), error, RULE)

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


def _entry(size: int, answer: Any) -> Entry:
    return Entry(size, f"{answer['ETag'].strip(chr(34))}|{size}", answer["LastModified"].timestamp())
