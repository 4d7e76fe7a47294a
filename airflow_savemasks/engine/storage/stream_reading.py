"""Reading by smart_open in a thread of its own, so that whoever waits for bytes can be stopped, and a server that sends
nothing is noticed, whatever the scheme's client does.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from airflow_savemasks.engine.storage.retries import Failure, Kind
from airflow_savemasks.engine.storage.stream_errors import Failed, failure_of, too_old, too_short
from airflow_savemasks.engine.storage.uris import scheme_of

PIECE = 128 << 10  # bytes read at once
WAITING = 8  # pieces that are read ahead
CONNECT = 15.0  # seconds for a connection
SILENCE = 60.0  # seconds in which no piece comes
POLL = 0.1  # seconds between two looks whether somebody asked to stop
THREAD = "savemasks-stream"
AS_IT_IS, BY_ITS_NAME = "disable", "infer_from_extension"  # how it is unpacked, as smart_open calls it

Come = int | bytes | Failed | None  # the length, or -1; then the pieces; then the error or None
Queue = queue.Queue[Come]


class _Silent(logging.Filter):
    """Nothing of what clients log in our thread: they log whole URIs, and we say ourselves what went wrong."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.threadName != THREAD


for _module in ("smart_open_lib", "http", "ftp", "webhdfs", "hdfs", "utils"):
    logging.getLogger(f"smart_open.{_module}").addFilter(_Silent())
for _module in ("connection", "connectionpool", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_module}").addFilter(_Silent())


@contextmanager
def reading(uri: str, unpacked: str, obey: Callable[[], None]) -> Iterator[tuple[int, Iterator[bytes]]]:
    """What a URI gives: how many bytes the server promises (0: it does not say), and the bytes in pieces.

    unpacked: AS_IT_IS or BY_ITS_NAME. Raises Failed, and what `obey` raises, within a second; then the thread ends as
    soon as its client does, and nothing more is taken from it.
    """
    come: Queue = queue.Queue(WAITING)
    left = threading.Event()
    threading.Thread(target=_read, args=(uri, unpacked, come, left), name=THREAD, daemon=True).start()
    try:
        length = _next(come, obey)
        assert isinstance(length, int)
        yield max(0, length), _pieces(come, length, obey)
    finally:
        left.set()


def _pieces(come: Queue, length: int, obey: Callable[[], None]) -> Iterator[bytes]:
    size = 0
    while (piece := _next(come, obey)) is not None:
        assert isinstance(piece, bytes)
        size += len(piece)
        yield piece
    if length >= 0 and size != length:
        raise Failed(too_short(size, length))


def _next(come: Queue, obey: Callable[[], None]) -> int | bytes | None:
    until = time.monotonic() + SILENCE
    while True:
        obey()
        try:
            found = come.get(timeout=POLL)
        except queue.Empty:
            if time.monotonic() < until:
                continue
            raise Failed(Failure(Kind.PASSING, f"nothing came for {SILENCE:g} seconds")) from None
        if isinstance(found, Failed):
            raise found
        return found


def _read(uri: str, unpacked: str, come: Queue, left: threading.Event) -> None:
    """The thread. Its errors go the way of the pieces, without what they say of the URI."""

    def put(one: Come) -> bool:
        while not left.is_set():
            try:
                come.put(one, timeout=POLL)
            except queue.Full:
                continue
            return True
        return False

    try:
        with _opened(uri, unpacked) as file:
            length = getattr(file, "content_length", -1) if unpacked == AS_IT_IS else -1
            going = put(int(length))
            while going and (piece := file.read(PIECE)):
                going = put(piece)
            if going and hasattr(file, "conn"):  # of FTP, where only the last answer tells whether that was all
                file.conn.voidresp()
        put(None)
    except Failed as error:
        put(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, somebody waits for it
        put(Failed(failure_of(error, scheme_of(uri))))


def _opened(uri: str, unpacked: str) -> Any:
    import smart_open

    if failure := too_old(scheme_of(uri), version("smart_open")):
        raise Failed(failure)
    web = scheme_of(uri) in {"http", "https"}
    params = {"timeout": (CONNECT, SILENCE), "buffer_size": PIECE} if web else {}
    uri = re.sub(r"^(ftps?://)(?![^/]*@)", r"\1anonymous@", uri, flags=re.IGNORECASE)  # as browsers do
    return smart_open.open(uri, "rb", compression=unpacked, transport_params=params)
