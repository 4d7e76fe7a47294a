"""One new blob on Azure, written as blocks that nobody sees before their list is committed."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from azure.storage.blob import BlobBlock

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import Piece, Range

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.azure import AzureStorage


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

    def obey(self) -> None:
        self._owner.obey()

    def abandon(self) -> None:
        """Nothing: what is not committed is no file, and goes by itself."""

    def _run(self, work: Any) -> Any:
        return self._owner.run(self._path, work)
