"""What storages behind a network share: their address, one client, ranged reads, and writing in blocks."""

from __future__ import annotations

import io
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol, cast

from airflow_savemasks.engine.errors import Changed, SettingsError, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, ClientFactory, Entry, Piece, Storage
from airflow_savemasks.engine.storage.retries import Explain, Guard
from airflow_savemasks.engine.storage.uris import without_password

BLOCK = 16 << 20  # bytes gathered before they are sent
LONGEST_KEY = 1024  # bytes of UTF-8 in the name of an object
STEP = 8 << 20  # bytes of one ranged read


def split_uri(uri: str, what: str) -> tuple[str, str, str]:
    """`scheme://host/path` -> (scheme, host, path without slashes around it).

    The path is taken as it stands: `%`, `#`, `?` and `+` are characters of names, nothing is percent-encoded.
    what: the host's name for people ("bucket"). Raises SettingsError if there is none.
    """
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    if not host:
        raise SettingsError(without_password(uri), f"names no {what}", f"Write {scheme.lower()}://{what}/folder")
    if "@" in host and what != "host":
        fix = "Use a connection, or the backend's own configuration, for credentials"
        raise SettingsError(f"{scheme}://.../{path}", f"has credentials where the {what} should stand", fix)
    return scheme.lower(), host, path.strip("/")


class Upload(Protocol):
    """A file in the making. Nobody sees it before `finish` has returned; after a stop only `abandon` does anything."""

    def block(self, data: bytes) -> None:
        """The next BLOCK bytes."""

    def finish(self, last: bytes) -> None:
        """The rest, less than BLOCK bytes; the file appears."""

    def abandon(self) -> None:
        """Remove what was sent, also after a stop. Raises nothing: it follows an error that matters more."""

    def obey(self) -> None:
        """Raises Stopped once that was asked for."""


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
            self._upload.obey()
            taken = view[at : at + BLOCK - len(self._waiting)]
            self._waiting += taken
            at += len(taken)
            if len(self._waiting) == BLOCK:
                self._upload.block(bytes(self._waiting))
                self._waiting.clear()
                self._sent += BLOCK
        return len(view)

    def finish(self) -> None:
        self._upload.obey()
        self._upload.finish(bytes(self._waiting))

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + len(self._waiting)


class RemoteStorage(Storage):
    """Base of the storages with a client.

    Subclasses add listdir, stat, read, delete, remove_abandoned, obstacle, _fetch and _begin. A password in the host
    of a URI may serve to connect; it is not part of `uri`, so that no message shows it.
    """

    def __init__(self, scheme: str, host: str, prefix: str, client: ClientFactory, explain: Explain) -> None:
        self.uri = without_password(f"{scheme}://{host}/{prefix}" if prefix else f"{scheme}://{host}")
        self._prefix = prefix
        self._factory = client
        self._guard = Guard(scheme, explain, getattr(client, "credentials", None))
        self._made: Any = None
        self._making = threading.Lock()

    @abstractmethod
    def _fetch(self, path: str, offset: int, size: int, known: Entry | None) -> bytes:
        """A range of a file; shorter, or empty, where the file ends. Raises StorageError, Changed, Stopped."""

    @abstractmethod
    def _begin(self, path: str) -> Upload:
        """A new file."""

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}" if path else self.uri

    def watch(self, stop: threading.Event) -> None:
        self._guard.stop = stop

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        while size > 0:
            data = self._fetch(path, offset, min(STEP, size), known)
            if not data:
                raise StorageError(self.locate(path), f"ends {size} bytes too early", "Export again with reuse=False")
            offset, size = offset + len(data), size - len(data)
            for at in range(0, len(data), CHUNK):
                self.obey()
                yield data[at : at + CHUNK]

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

    def _gather(self, path: str, chunks: Iterable[bytes], known: Entry | None, size: int | None = None) -> bytes:
        """The chunks of an answer as one, never more than a byte above what is `known` or above `size`, if given.

        Raises Stopped between two of them; Changed where a whole file (without `size`) is not as long as it is known.
        """
        most = known.size if size is None and known is not None else size
        pieces, came = [], 0
        for chunk in chunks:
            self._guard.obey()
            pieces.append(chunk)
            came += len(chunk)
            if most is not None and came > most:
                break
        if size is None and known is not None and came != known.size:
            raise Changed(self.locate(path))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _client(self) -> Any:
        """The one client, made when it is first needed."""
        with self._making:
            if self._made is None:
                self._made = self._guard.call(self.uri, self._factory)
            return self._made

    def obey(self) -> None:
        """Raises Stopped once that was asked for."""
        self._guard.obey()

    def obstacle(self, path: str) -> str | None:
        """By the name alone; a storage that has folders looks at them too."""
        try:
            encoded = self.key(path).encode()
        except UnicodeEncodeError:
            return "a name that is no UTF-8"
        return self._refusal(self.key(path), encoded)

    def _refusal(self, key: str, encoded: bytes) -> str | None:  # noqa: ARG002
        """Why the backend takes no file of that name, None if it does."""
        return None

    def key(self, path: str) -> str:
        """A path below the root -> the backend's name of it."""
        return "/".join(part for part in (self._prefix, path) if part)

    def _level(self, path: str) -> str:
        """A folder -> what the names of everything in it begin with."""
        key = self.key(path)
        return f"{key}/" if key else ""


def name_too_long(encoded: bytes) -> str | None:
    """S3's and Google's bound for the name of an object, as an obstacle."""
    return (
        f"a name of {len(encoded)} bytes, of which {LONGEST_KEY} can be stored" if len(encoded) > LONGEST_KEY else None
    )


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
