"""What storages behind a network share: their address, one client, ranged reads, and writing in blocks."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from airflow_savemasks.engine.errors import Changed, SettingsError, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, ClientFactory, Entry, NewFile, Piece, Storage
from airflow_savemasks.engine.storage.block_writer import BlockWriter, Upload
from airflow_savemasks.engine.storage.in_flight import InFlight
from airflow_savemasks.engine.storage.retries import Explain, Guard
from airflow_savemasks.engine.storage.uris import without_password

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


class RemoteStorage(Storage):
    """Base of the storages with a client.

    Subclasses add listdir, stat, read, delete, remove_abandoned, obstacle, _fetch and _begin. A password in the host
    of a URI may serve to connect; it is not part of `uri`, so that no message shows it.
    """

    remote = True

    def __init__(self, scheme: str, host: str, prefix: str, client: ClientFactory, explain: Explain) -> None:
        self.uri = without_password(f"{scheme}://{host}/{prefix}" if prefix else f"{scheme}://{host}")
        self._prefix = prefix
        self._factory = client
        self._guard = Guard(scheme, explain, getattr(client, "credentials", None))
        self._uploads = InFlight(self._is_stopped)
        self._reads = InFlight(self._is_stopped)  # what uploads wait for
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
    def writing(self, path: str) -> Iterator[NewFile]:
        out = BlockWriter(self._begin(path), self._uploads)
        try:
            yield cast("NewFile", out)
            out.finish()
        except BaseException:
            out.abandon()
            raise

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        """Through this process, which backends that can do better replace."""
        with self.writing(path) as out:
            for piece in pieces:
                if isinstance(piece, bytes):
                    out.write(piece)
                else:
                    out.writelines(self.stream(piece.path, piece.offset, piece.size, piece.known))
        return out.entry

    def _join(self, pieces: Sequence[Piece]) -> bytes:
        """Small pieces as one, ranges read at the same time."""
        works = [(partial(self._content, piece), 0) for piece in pieces]
        return self._content(pieces[0]) if len(pieces) == 1 else b"".join(self._reads.run(works))

    def _content(self, piece: Piece) -> bytes:
        if isinstance(piece, bytes):
            return piece
        return b"".join(self.stream(piece.path, piece.offset, piece.size, piece.known))

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
                self._made = self._guard.call(self.uri, self._factory, here=True)
            return self._made

    def _is_stopped(self) -> bool:
        return self._guard.stop.is_set()

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
