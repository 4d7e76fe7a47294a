"""One new blob on Azure, written as blocks that nobody sees before their list is committed."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings, StandardBlobTier

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage.base import Entry, Range

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.azure import AzureStorage

MOST_BLOCKS = 50_000


class Refused(Exception):
    """The server does not copy a range; the error of reading it here tells what is wrong, if anything is."""


class AzureUpload:
    """One new blob. Blocks may come from several threads; their numbers give the order."""

    in_order = False

    def __init__(self, owner: AzureStorage, path: str) -> None:
        self._owner = owner
        self._path = path
        self._blob = owner.blob(path)
        self._sizes: dict[int, int] = {}
        self._scope = {name: owner.options[name] for name in owner.options if name == "encryption_scope"}
        self._own = uuid4().hex  # two writers of one blob do not mix their blocks

    def block(self, number: int, data: bytes) -> None:
        if number >= MOST_BLOCKS:
            fix = "Split the project in several"
            raise StorageError(self._owner.locate(self._path), "is too much for one blob of Azure", fix)
        self._run(lambda: self._blob.stage_block(self._name(number), data, length=len(data), **self._scope))
        self._sizes[number] = len(data)

    def copy(self, number: int, piece: Range) -> None:
        """A range as a block, by the server. Raises Refused; Changed where the file is not `piece.known`."""
        more: dict[str, Any] = dict(self._scope)
        if piece.known is not None:
            more["headers"] = {"x-ms-source-if-match": f'"{piece.known.identity.rpartition("|")[0]}"'}
        url = self._owner.url(piece.path)
        try:
            self._owner.run(
                piece.path,
                lambda: self._blob.stage_block_from_url(self._name(number), url, piece.offset, piece.size, **more),
            )
        except Changed:
            raise
        except StorageError as error:
            raise Refused(str(error)) from error
        self._sizes[number] = piece.size

    def commit(self, size: int) -> Entry:
        """The file appears. size: bytes that must have arrived, as a range that ends too early may be copied short."""
        _, there = self._run(lambda: self._blob.get_block_list("uncommitted"))
        names = {self._name(number) for number in self._sizes}
        missing = size - sum(block.size for block in there if block.id in names)
        if missing:
            fix = "Export again with reuse=False"
            raise StorageError(self._owner.locate(self._path), f"a part ends {missing} bytes too early", fix)
        return self._commit()

    def finish(self, last: bytes) -> Entry:
        if not self._sizes:
            answer = self._run(lambda: self._blob.upload_blob(last, overwrite=True, **self._options()))
            return entry_of(answer["etag"], answer["last_modified"], len(last))
        if last:
            self.block(len(self._sizes), last)
        return self._commit()

    def whole_if(self, content: bytes, known: Entry | None) -> Entry | None:
        """All of it in one request, in place of the blob `known` (None: of none); None where another one lies there."""
        condition: dict[str, Any] = {"overwrite": known is not None}
        if known is not None:
            tag = f'"{known.identity.rpartition("|")[0]}"'
            condition |= {"etag": tag, "match_condition": MatchConditions.IfNotModified}

        def put() -> Any:
            try:
                return self._blob.upload_blob(content, **condition, **self._options())
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
                if str(getattr(error, "error_code", "")).endswith(("ContainerNotFound", "CONTAINER_NOT_FOUND")):
                    raise
                return None

        answer = self._run(put)
        return None if answer is None else entry_of(answer["etag"], answer["last_modified"], len(content))

    def obey(self) -> None:
        self._owner.obey()

    def abandon(self) -> None:
        """Nothing: what is not committed is no file, and goes by itself."""

    def _commit(self) -> Entry:
        blocks = [BlobBlock(self._name(number)) for number in sorted(self._sizes)]
        answer = self._run(lambda: self._blob.commit_block_list(blocks, **self._options()))
        return entry_of(answer["etag"], answer["last_modified"], sum(self._sizes.values()))

    def _options(self) -> dict[str, Any]:
        options = dict(self._owner.options)
        if kind := options.pop("content_type", None):
            options["content_settings"] = ContentSettings(content_type=kind)
        if tier := options.pop("standard_blob_tier", None):
            options["standard_blob_tier"] = StandardBlobTier(tier)
        return options

    def _name(self, number: int) -> str:
        """The name of a block; all have one length."""
        return b64encode(f"{self._own}{number:08d}".encode()).decode()

    def _run(self, work: Any) -> Any:
        return self._owner.run(self._path, work)


def entry_of(tag: str, modified: datetime, size: int) -> Entry:
    """A blob as it is listed, or as the answer to its write has it."""
    return Entry(size, f"{tag.strip(chr(34))}|{size}", modified.timestamp())
