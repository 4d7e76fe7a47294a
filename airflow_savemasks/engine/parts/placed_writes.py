"""Writing at places: whoever deals the places out does not wait for the bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.storage.base import Buffer, Placed

ROOM = 32 << 20  # bytes on their way at once; what is larger goes alone
THREADS = 4  # each copies some GB a second to the system's memory


class PlacedWrites:
    """Pieces on their way to their places in open files, by threads of their own.

    The threads are few and render nothing: rendering waits for room that only writing makes. All writes have ended
    when the block has, so that files may be closed or cut afterwards; after a stop those that have not begun never do.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="savemasks-write")
        self._pending: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0

    def put(
        self, file: Placed, pieces: Sequence[Buffer], offset: int, size: int, then: Callable[[], None] | None
    ) -> Future[None]:
        """Begin to write `size` bytes at a place; waits only for room. then: called when they are written, or are not.

        Raises StorageError of any write that was begun before.
        """
        while self._pending and (self._bytes + size > ROOM or self._pending[0][0].done()):
            call, gone = self._pending.popleft()
            self._bytes -= gone
            call.result()
        call = self._pool.submit(_write, file, pieces, offset, then)
        self._pending.append((call, size))
        self._bytes += size
        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=isinstance(error, Stopped))


def _write(file: Placed, pieces: Sequence[Buffer], offset: int, then: Callable[[], None] | None) -> None:
    try:
        file.write_at(pieces, offset)
    finally:
        if then is not None:
            then()
