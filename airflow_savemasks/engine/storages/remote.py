"""What storages behind a network share: their address, one client, ranged reads, and writing in blocks."""

from __future__ import annotations

import io
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol, cast

from airflow_savemasks.engine.errors import SettingsError, StorageError
from airflow_savemasks.engine.storage import CHUNK, ClientFactory, Piece, Storage
from airflow_savemasks.engine.storages.retries import Explain, Guard

BLOCK = 16 << 20  # bytes gathered before they are sent
STEP = 8 << 20  # bytes of one ranged read


def split_uri(uri: str, what: str) -> tuple[str, str, str]:
    """`scheme://host/path` -> (scheme, host, path without slashes around it).

    The path is taken as it stands: `%`, `#`, `?` and `+` are characters of names, nothing is percent-encoded.
    what: the host's name for people ("bucket"). Raises SettingsError if there is none.
    """
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    if not host:
        raise SettingsError(uri, f"names no {what}", f"Write {scheme.lower()}://{what}/folder")
    return scheme.lower(), host, path.strip("/")


class Upload(Protocol):
    """A file in the making. Nobody sees it before `finish` has returned."""

    def block(self, data: bytes) -> None:
        """The next BLOCK bytes."""

    def finish(self, last: bytes) -> None:
        """The rest, less than BLOCK bytes; the file appears."""

    def abandon(self) -> None:
        """Remove what was sent. Raises nothing: it follows an error that matters more."""


class BlockWriter(io.RawIOBase):
    """Cuts what is written into blocks for an upload. Closing it, or forgetting it, publishes nothing."""

    def __init__(self, upload: Upload) -> None:
        super().__init__()
        self._upload = upload
        self._waiting = bytearray()
        self._sent = 0

    def write(self, data: Any) -> int:
        """Takes all of it. Raises StorageError."""
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            taken = view[at : at + BLOCK - len(self._waiting)]
            self._waiting += taken
            at += len(taken)
            if len(self._waiting) == BLOCK:
                self._upload.block(bytes(self._waiting))
                self._waiting.clear()
                self._sent += BLOCK
        return len(view)

    def finish(self) -> None:
        self._upload.finish(bytes(self._waiting))

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + len(self._waiting)


class RemoteStorage(Storage):
    """Base of the storages with a client. Subclasses add listdir, stat, read, delete, sweep, _fetch and _begin."""

    def __init__(self, scheme: str, host: str, prefix: str, client: ClientFactory, explain: Explain) -> None:
        self.uri = f"{scheme}://{host}/{prefix}" if prefix else f"{scheme}://{host}"
        self._prefix = prefix
        self._factory = client
        self._guard = Guard(scheme, explain, getattr(client, "credentials", None))
        self._made: Any = None
        self._making = threading.Lock()

    @abstractmethod
    def _fetch(self, path: str, offset: int, size: int) -> bytes:
        """A range of a file; shorter, or empty, where the file ends. Raises StorageError."""

    @abstractmethod
    def _begin(self, path: str) -> Upload:
        """A new file."""

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}" if path else self.uri

    def stream(self, path: str, offset: int, size: int) -> Iterator[bytes]:
        while size > 0:
            data = self._fetch(path, offset, min(STEP, size))
            if not data:
                raise StorageError(self.locate(path), f"ends {size} bytes too early", "Export again with reuse=False")
            offset, size = offset + len(data), size - len(data)
            yield from (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        upload = self._begin(path)
        out = BlockWriter(upload)
        try:
            yield cast("BinaryIO", out)
            out.finish()
        except BaseException:
            upload.abandon()
            raise

    def compose(self, path: str, pieces: Sequence[Piece]) -> None:
        """Through this process, which backends that can do better replace."""
        with self.writing(path) as out:
            for piece in pieces:
                if isinstance(piece, bytes):
                    out.write(piece)
                else:
                    out.writelines(self.stream(piece.path, piece.offset, piece.size))

    def _client(self) -> Any:
        """The one client, made when it is first needed."""
        with self._making:
            if self._made is None:
                self._made = self._guard.call(self.uri, self._factory)
            return self._made

    def key(self, path: str) -> str:
        """A path below the root -> the backend's name of it."""
        return "/".join(part for part in (self._prefix, path) if part)

    def _level(self, path: str) -> str:
        """A folder -> what the names of everything in it begin with."""
        key = self.key(path)
        return f"{key}/" if key else ""


def size_of(pieces: Sequence[Piece]) -> int:
    """Bytes of all pieces."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)


def quietly(work: Callable[[], object]) -> Exception | None:
    """Run a clean-up that follows an error; its own error is returned, not raised."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the first error is the one to tell
        return error
    return None
