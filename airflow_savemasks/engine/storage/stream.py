"""Schemes that smart_open knows and no module here does, such as http://, ftp://, hdfs://: read once, to the last byte.

A packed project is read into a work file and opened there, so nothing is asked of the server but the one stream: no
ranges, no listing, no size. Such a URI may have a user, a password or a token in its query: none of them is in `uri`,
in a message or in the log.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256

from airflow_savemasks.engine.errors import SettingsError, StorageError
from airflow_savemasks.engine.limits import LIMITS, Limits
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import Entry, ReadableStorage
from airflow_savemasks.engine.storage.packed import PackedStorage
from airflow_savemasks.engine.storage.retries import Guard
from airflow_savemasks.engine.storage.stream_errors import explain
from airflow_savemasks.engine.storage.stream_reading import AS_IT_IS, BY_ITS_NAME, reading
from airflow_savemasks.engine.storage.uris import PACKED, SCHEMES, scheme_of, without_secrets
from airflow_savemasks.engine.storage.work_file import Bound, WorkFile, write_work_file

OURS = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "ssh": "sftp", "scp": "sftp"}  # other names of what has a module here
CREDENTIALS = "the user, the password or the token in the URI, or ~/.netrc"


def knows(scheme: str) -> bool:
    """Whether a scheme is one of these."""
    from smart_open.transport import SUPPORTED_SCHEMES

    return scheme in SUPPORTED_SCHEMES and scheme not in {"", *SCHEMES, *OURS}


def open_packed(uri: str, limits: Limits = LIMITS) -> ReadableStorage:
    """The packed project at a URI of these schemes; nothing is read yet. Raises SettingsError for what is none."""
    shown = without_secrets(uri)
    if not shown.lower().endswith(PACKED):
        fact = f"is no packed project, and {scheme_of(uri)}:// is read as a stream, in which nothing can be listed"
        raise SettingsError(shown, fact, f"Name one whose path ends with one of {list(PACKED)}")
    return PackedStorage(StreamFile(uri), limits)


def read_whole(uri: str, most: int) -> bytes:
    """What a URI of these schemes gives, unpacked if its name ends with .gz or the like; at most `most` bytes.

    Raises StorageError, AccessError.
    """
    guard = _guard(uri)
    shown = without_secrets(uri)

    def once() -> bytes:
        whole = io.BytesIO()
        with reading(uri, BY_ITS_NAME, guard.obey) as (_, pieces):
            for piece in pieces:
                whole.write(piece)
                if whole.tell() > most:
                    raise StorageError(
                        shown, f"too large: more than {most:,} bytes", "Look whether it is the right file"
                    )
        return whole.getvalue()

    return guard.call(shown, once)


class StreamFile:
    """One packed file behind a URI, as PackedStorage reads it: at the path "", with ranges, which a work file gives.

    Its identity is the SHA-256 of its bytes, so that what changed is noticed, and what stayed finds its finished parts,
    whatever the server says of times and tags. limits: bounds the bytes; looked at while they come.
    """

    remote = False  # ranges come from the work file

    def __init__(self, uri: str) -> None:
        self.uri = without_secrets(uri)
        self.limits = LIMITS
        self._uri = uri
        self._guard = _guard(uri)
        self._read: tuple[WorkFile, Entry] | None = None

    def watch(self, stop: threading.Event) -> None:
        """From now on every method raises Stopped, within a second, once `stop` is set."""
        self._guard.stop = stop

    def stat(self, path: str) -> Entry:  # noqa: ARG002 - it is always ""
        """Size and identity. The first time, all of it is read. Raises StorageError, AccessError, NotFound, Stopped."""
        return self._whole()[1]

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        """A range, from the work file."""
        return self._whole()[0].stream(path, offset, size, known)

    def _whole(self) -> tuple[WorkFile, Entry]:
        self._guard.obey()
        if self._read is None:
            began = time.monotonic()
            self._read = self._guard.call(self.uri, self._once)
            log.debug("%s: %d bytes read in %.1f s", self.uri, self._read[1].size, time.monotonic() - began)
        return self._read

    def _once(self) -> tuple[WorkFile, Entry]:
        """One try: all bytes as a work file. A next one begins at the first byte."""
        bound = Bound(self.uri, self.limits, "streamed_bytes", "read")
        digest = sha256()
        with reading(self._uri, AS_IT_IS, self._guard.obey) as (length, pieces):
            bound.check(length)
            bound.check_room(length)
            work = write_work_file(_through(digest.update, pieces), bound, self._guard.obey)
        return work, Entry(work.size, f"sha256:{digest.hexdigest()}", 0.0)


def _through(look: Callable[[bytes], object], pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        look(piece)
        yield piece


def _guard(uri: str) -> Guard:
    return Guard(scheme_of(uri), explain, CREDENTIALS)
