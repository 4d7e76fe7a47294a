"""Amazon S3, and every server that speaks its language.

Files are written as multipart uploads (or one request, while they are smaller than a block), which nobody sees
before they are completed. Archives are put together on the server with UploadPartCopy. smart_open's writer is not
used: forgotten after an error it completes what was written so far, and a small file costs it three requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain, islice
from posixpath import commonprefix
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_savemasks.engine.errors import AccessError, Changed, StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import CHUNK, ClientFactory, Composition, Entry, Folder, Piece, Range
from airflow_savemasks.engine.storage.remote import RemoteStorage, name_too_long, split_uri
from airflow_savemasks.engine.storage.retries import tries_beside
from airflow_savemasks.engine.storage.s3_compose import S3Composition
from airflow_savemasks.engine.storage.s3_conditions import put_if
from airflow_savemasks.engine.storage.s3_errors import code_of, explain
from airflow_savemasks.engine.storage.s3_requests import Requests
from airflow_savemasks.engine.storage.s3_upload import S3Upload

UNWRITTEN = "savemasks-may-this-be-written"  # a name under which nothing is ever written
ABANDONED = 3600.0  # seconds after which an upload to a work folder has no writer any more
BATCH = 1000  # files in one DeleteObjects
OBJECTS = {"ContinuationToken": "NextContinuationToken"}  # argument for the next page -> where it stands in this one
UPLOADS = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}


def _began(upload: dict[str, Any]) -> float:
    """Seconds since 1970; 0 where a server does not tell."""
    return upload["Initiated"].timestamp() if "Initiated" in upload else 0.0


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
        self._requests: Requests | None = None

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
        found = self.head(path)
        return None if found is None else _entry(found["ContentLength"], found)

    def head(self, path: str) -> Any:
        """What S3 says of a file, None if there is none."""
        ask = partial(self._send, "head_object", Key=self.key(path))
        return self._guard.found(self.locate(path), ask, self._tries())

    def read(self, path: str, known: Entry | None = None) -> bytes:
        return self._get(path, known)

    def write_if(self, path: str, content: bytes, known: Entry | None) -> Entry | None:
        """S3 itself looks (IfMatch, IfNoneMatch), so of many writers one wins.

        A server, or a boto3, that knows no such conditions says so, or takes no notice: then it holds only that the
        file was the known one, or none, right before the write.
        """
        if self.stat(path) != known:
            return self.holds(path, content)
        written = put_if(self, path, content, None if known is None else _tag(known))
        return written or self.holds(path, content)

    def delete(self, paths: Iterable[str]) -> None:
        todo = iter(paths)
        while batch := list(islice(todo, BATCH)):
            if len(batch) == 1:
                self.ask(batch[0], "delete_object", Key=self.key(batch[0]))
                return
            keys = [{"Key": self.key(path)} for path in batch]
            self._guard.call(self.locate(batch[0]), partial(self._delete, keys), self._tries())

    def _delete(self, keys: list[dict[str, str]]) -> None:
        answer = self._send("delete_objects", Delete={"Objects": keys, "Quiet": True})
        for failed in answer.get("Errors", ())[:1]:
            raise ClientError({"Error": failed}, "DeleteObjects")

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        """Aborts open multipart uploads: those of `names`, which one export at a time writes, whoever began them; those
        in the folder where they are an hour old, as others may be writing parts there.
        """
        old = time.time() - ABANDONED
        wanted = {self.key(name) for name in names}
        level = self._level(folder)
        count = 0

        looks: list[tuple[str, Callable[[str, float], bool]]] = [(level, lambda _, began: began < old)]
        if wanted:
            looks.append((commonprefix(list(wanted)), lambda key, _: key in wanted))
        works = ((partial(self._open_uploads, folder, prefix, ours), 0) for prefix, ours in looks)
        try:
            for key, upload in chain.from_iterable(self._reads.run(works)):
                self.ask(folder, "abort_multipart_upload", Key=key, UploadId=upload)
                count += 1
        except AccessError as error:  # rights that nothing else needs; the bucket's rule does it as well
            log.warning("open multipart uploads of killed exports are not removed: %s", error)
        return count

    def _open_uploads(self, path: str, prefix: str, ours: Callable[[str, float], bool]) -> list[tuple[str, str]]:
        """Key and upload's id of those below a prefix that are ours, by key and begin; `path` is for messages."""
        pages = self._pages("list_multipart_uploads", UPLOADS, path, Prefix=prefix)
        found = [one for page in pages for one in page.get("Uploads", ())]
        return [(one["Key"], one["UploadId"]) for one in found if ours(one["Key"], _began(one))]

    def may_write(self) -> bool | None:
        """Asks to complete an upload that is not there: S3 looks at the right to write first, then for the upload."""
        nothing = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
        more = {"Key": self.key(UNWRITTEN), "UploadId": "0", "MultipartUpload": nothing}
        try:
            self._guard.call(self.uri, partial(self._send, "complete_multipart_upload", **more), 1)
        except AccessError:
            return False
        except StorageError as error:
            known = isinstance(error.__cause__, ClientError) and code_of(error.__cause__) == "NoSuchUpload"
            return True if known else None
        return None

    @contextmanager
    def composing(self, path: str, pieces: Sequence[Piece]) -> Iterator[Composition]:
        endpoint, flights = self._client().meta.endpoint_url, (self._uploads, self._reads)
        made = S3Composition(self, path, pieces, endpoint, flights, self._join)
        try:
            yield made
        except BaseException:
            made.abandon()
            raise

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """On the server; only small pieces and what fills them up to 5 MiB come through this process."""
        with self.composing(path, pieces) as made:
            made.prepare()
            return made.finish()

    def ask(self, path: str, operation: str, **arguments: Any) -> Any:
        """One request; `path` is for messages."""
        return self.run(path, partial(self._send, operation, **arguments))

    def run(self, path: str, work: Callable[[], Any]) -> Any:
        """Some requests as one; `path` is for messages."""
        return self._guard.call(self.locate(path), work, self._tries())

    def put(self, path: str, content: bytes, **condition: str) -> Any:
        """One PutObject, tried once. Raises botocore's errors."""
        return self._send("put_object", Key=self.key(path), Body=content, **condition)

    def abort(self, path: str, **arguments: Any) -> None:
        """End the upload of a file, also after a stop."""
        self._guard.clear(
            self.locate(path), partial(self._send, "abort_multipart_upload", Key=self.key(path), **arguments)
        )

    def source(self, piece: Range) -> dict[str, Any]:
        """The arguments of an UploadPartCopy that say what is copied."""
        last = piece.offset + piece.size - 1
        key = self.key(piece.path)
        wanted = {"CopySource": {"Bucket": self._bucket, "Key": key}, "CopySourceRange": f"bytes={piece.offset}-{last}"}
        if piece.known is not None:
            wanted["CopySourceIfMatch"] = f'"{_tag(piece.known)}"'
        return wanted

    def _fetch(self, path: str, offset: int, size: int, known: Entry | None) -> bytes:
        try:
            return self._get(path, known, size, Range=f"bytes={offset}-{offset + size - 1}")
        except StorageError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in {"InvalidRange", "416"}:
                return b""  # the file ends before the range begins
            raise

    def _get(self, path: str, known: Entry | None, size: int | None = None, **arguments: Any) -> bytes:
        """The bytes of one answer. The ETag is looked at too, as there are servers that know no conditions."""
        tag = known and _tag(known)
        if tag:
            arguments["IfMatch"] = f'"{tag}"'

        def read() -> bytes:
            answer = self._send("get_object", Key=self.key(path), **arguments)
            with closing(answer["Body"]) as body:
                if tag and answer["ETag"].strip('"') != tag:
                    raise Changed(self.locate(path))
                return self._gather(path, iter(lambda: body.read(CHUNK), b""), known, size)

        return self._guard.call(self.locate(path), read, self._tries())

    def _send(self, operation: str, **arguments: Any) -> Any:
        client = self._client()
        if self._requests is None:
            self._requests = Requests(client, self._factory, self.uri)
        return self._requests.send(operation, Bucket=self._bucket, **arguments)

    def _begin(self, path: str) -> S3Upload:
        return S3Upload(self, path)

    def _refusal(self, key: str, encoded: bytes) -> str | None:  # noqa: ARG002
        return name_too_long(encoded)

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


def _tag(entry: Entry) -> str:
    """The ETag in an identity."""
    return entry.identity.rpartition("|")[0]


def _entry(size: int, answer: Any) -> Entry:
    return Entry(size, f"{answer['ETag'].strip(chr(34))}|{size}", answer["LastModified"].timestamp())
