"""Calls over a network: what passes is tried again, what stays becomes an error that names place, fact and fix."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_savemasks.engine.errors import AccessError, Changed, NotFound, SaveMasksError, Stopped, StorageError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.in_flight import unless_stopped

T = TypeVar("T")

TRIES = 5  # of one request in all, together with those that the backend's own client makes
PAUSE = 0.5  # seconds; waits are random between 0 and this, twice this, four times this ...
LONGEST = 30.0  # seconds, the longest wait
CLEAN_UPS = 2  # tries of a request that clears away what was begun, after a stop


class Kind(Enum):
    """What an error of a backend means for us."""

    MISSING = auto()
    CHANGED = auto()  # a condition on what is read does not hold: the file is another one
    ACCESS = auto()  # rights or credentials: trying again does not help
    PASSING = auto()  # throttling, resets, timeouts, 5xx
    BROKEN = auto()  # everything else


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a backend, understood. fix: only where there is a better one than that of its kind."""

    kind: Kind
    fact: str
    fix: str = ""


Explain = Callable[[Exception], Failure]


def tries_beside(attempts: int) -> int:
    """How often to try what a client tries `attempts` times by itself: about TRIES in all.

    At least twice, as no client tries again when the body of an answer breaks off.
    """
    return TRIES if attempts <= 1 else max(2, TRIES // attempts)


def by_status(status: int | None, fact: str) -> Failure:
    """What an HTTP status means."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Failure(Kind.ACCESS, fact)
    if status == HTTPStatus.NOT_FOUND:
        return Failure(Kind.MISSING, fact)
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or (status is not None and status >= 500):
        return Failure(Kind.PASSING, fact)
    return Failure(Kind.BROKEN, fact)


def one_line(error: BaseException) -> str:
    """The error's first line with its type, without the full stop that the message will have."""
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Guard:
    """Runs calls to one backend, until it is told to stop.

    explain: sorts the backend's exceptions; scheme, credentials: for the fix of an access error, where `credentials`
    says what they came from (such as "the Airflow connection 'aws_default'").
    """

    def __init__(self, scheme: str, explain: Explain, credentials: str | None) -> None:
        self._explain = explain
        self._source = credentials or f"the connection with the credentials of {scheme}://"
        self.stop = threading.Event()

    def obey(self) -> None:
        """Raises Stopped once somebody asked to stop."""
        if self.stop.is_set():
            raise Stopped

    def call(
        self, where: str, work: Callable[[], T], tries: int | None = None, *, cleaning: bool = False, here: bool = False
    ) -> T:
        """The result of `work`, which may be run several times. Raises AccessError, StorageError; ours pass.

        Raises Stopped instead of beginning, or of waiting any longer, also for a server that is silent. cleaning: what
        removes something unfinished runs after a stop too, then without waiting between its tries. here: `work` runs in
        this thread, and is waited for.
        """
        stop = self.stop  # what a stop has left alone does not go on where another one is watched meanwhile

        def once() -> T:
            if cleaning:
                return work()
            if stop.is_set():
                raise Stopped
            return work() if here else unless_stopped(work, stop)

        def sleep(seconds: float) -> None:
            if stop.wait(seconds) and not cleaning:
                raise Stopped

        retrying = Retrying(
            stop=stop_after_attempt(TRIES if tries is None else tries),
            wait=wait_random_exponential(multiplier=PAUSE, max=LONGEST),
            sleep=sleep,
            retry=retry_if_exception(self._passes),
            before_sleep=lambda state: _tell(where, state),
            reraise=True,
        )
        try:
            return retrying(once)
        except SaveMasksError:
            raise
        except Exception as error:
            if not cleaning and stop.is_set():
                raise Stopped from error  # a client that tries by itself was told to leave off
            raise self.error(where, error) from error

    def clear(self, where: str, work: Callable[[], T]) -> T:
        """Like `call`, for what clears away something that was begun: also after a stop, then with fewer tries."""
        return self.call(where, work, CLEAN_UPS if self.stop.is_set() else None, cleaning=True)

    def found(self, where: str, work: Callable[[], T], tries: int | None = None) -> T | None:
        """Like `call`; None for what does not exist."""

        def look() -> T | None:
            try:
                return work()
            except Exception as error:
                if not isinstance(error, SaveMasksError) and self._explain(error).kind is Kind.MISSING:
                    return None
                raise

        return self.call(where, look, tries)

    def error(self, where: str, error: Exception) -> StorageError:
        """The error of ours for one of the backend's."""
        failure = self._explain(error)
        if failure.kind is Kind.MISSING:
            return NotFound(where, "does not exist", failure.fix or "Correct the path or put the file there")
        if failure.kind is Kind.CHANGED:
            return Changed(where)
        if failure.kind is Kind.ACCESS:
            fix = f"Look at {self._source}: it must be valid and have the right to do this"
            return AccessError(where, failure.fact, f"{fix}. {failure.fix}" if failure.fix else fix)
        if failure.kind is Kind.PASSING:
            fix = "It was tried several times; run it again later: finished parts are kept"
            return StorageError(where, failure.fact, failure.fix or fix)
        return StorageError(where, failure.fact, failure.fix or "Look at the storage and the URI, then run it again")

    def _passes(self, error: BaseException) -> bool:
        if isinstance(error, SaveMasksError) or not isinstance(error, Exception):
            return False
        return self._explain(error).kind is Kind.PASSING


def _tell(where: str, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    log.warning("%s: %s; next try in %.1f s", where, one_line(error) if error else "failed", pause)
