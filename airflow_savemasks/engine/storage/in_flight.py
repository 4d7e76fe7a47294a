"""Calls on their way at once, in threads of their own, within a bound on the bytes that they hold.

The threads are daemons and nobody has to wait for them: a request to a server that does not answer any more keeps
neither a stop waiting nor the end of the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any, TypeVar

from airflow_savemasks.engine.errors import Stopped

T = TypeVar("T")

MOST = 32  # calls at once; clients keep as many connections
ROOM = 128 << 20  # bytes that all of them hold; what is larger goes alone
NAME = "savemasks-call"  # of threads that nobody waits for after a stop
LOOK = 0.1  # seconds between two looks at a stop
GRACE = 0.4  # seconds that a stop lets what has begun come to its end


class InFlight:
    """The calls of one storage, whichever file they are for. Calls must not wait for others that have not begun."""

    def __init__(self, stopped: Callable[[], bool] | None = None) -> None:
        """stopped: whether somebody asked to stop; without it the calls have to obey a stop themselves."""
        self._name = "savemasks-ahead" if stopped is None else NAME
        self._stopped = stopped or (lambda: False)
        self._changed = threading.Condition()
        self._calls = self._bytes = 0

    def begin(self, work: Callable[[], T], size: int = 0) -> Future[T]:
        """Run what holds `size` bytes, once there is room for it. Raises Stopped instead of waiting any longer."""
        self._obey()
        with self._changed:
            while self._calls and (self._calls >= MOST or self._bytes + size > ROOM):
                self._changed.wait(LOOK)
                self._obey()
            self._calls += 1
            self._bytes += size
        return _start(work, lambda: self._leave(size), self._name)

    def result(self, call: Future[T]) -> T:
        """What came of a call. Raises what it raised; Stopped instead of waiting any longer."""
        while not call.done():
            self._obey()
            wait([call], LOOK)
        return call.result()

    def run(self, works: Iterable[tuple[Callable[[], T], int]]) -> list[T]:
        """The results of all works (each with the bytes that it holds), in order.

        Where one fails none is begun any more, and those that were have ended when this raises, but see `settle`.
        """
        calls: list[Future[T]] = []
        pending: set[Future[T]] = set()
        try:
            for work, size in works:
                calls.append(self.begin(work, size))
                pending.add(calls[-1])
                for call in [call for call in pending if call.done()]:
                    call.result()
                    pending.remove(call)
            while pending:
                self._obey()
                done, pending = wait(pending, LOOK, FIRST_EXCEPTION)
                for call in done:
                    call.result()
        except BaseException:
            self.settle(calls)
            raise
        return [call.result() for call in calls]

    def settle(self, calls: Iterable[Future[Any]]) -> None:
        """Wait until calls have ended, whatever comes of them; after a stop not longer than GRACE."""
        pending, until = list(calls), float("inf")
        while pending := [call for call in pending if not call.done()]:
            if self._stopped():
                until = min(until, time.monotonic() + GRACE)
                if time.monotonic() >= until:
                    return
            wait(pending, LOOK)

    def clear(self, work: Callable[[], object]) -> None:
        """Run what clears away after an error, whether there is room or not; awaited as `settle` does."""
        self.settle([_start(work, lambda: None)])

    def _obey(self) -> None:
        if self._stopped():
            raise Stopped

    def _leave(self, size: int) -> None:
        with self._changed:
            self._calls -= 1
            self._bytes -= size
            self._changed.notify_all()


def at_once(remote: bool, *works: Callable[[], Any]) -> list[Any]:
    """The results of a few calls that do not need each other, in order; all at the same time if they wait for a
    network.

    Calls have to obey a stop themselves, as those of a storage do. Raises what the first one that failed raised.
    """
    if not remote:
        return [work() for work in works]
    return InFlight().run((work, 0) for work in works)


def unless_stopped(work: Callable[[], T], stop: threading.Event) -> T:
    """The result of a call that may wait for a silent server. Raises Stopped, within LOOK seconds, once that is asked
    for, and leaves the call alone; a thread of this module is left alone itself, and so calls directly.
    """
    if threading.current_thread().name == NAME:
        return work()
    call = _start(work, lambda: None)
    while not call.done():
        wait([call], LOOK)
        if stop.is_set() and not call.done():
            raise Stopped
    return call.result()


def _start(work: Callable[[], T], then: Callable[[], None], name: str = NAME) -> Future[T]:
    call: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            then()
            call.set_exception(error)
        else:
            then()
            call.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return call
