"""HTTP calls to an instance: POST with a JSON body, a token in a header, retries, pages (supervisely-api, section 1).

The token goes into the header and nowhere else: not into an error, a log line or the repr of the client.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from airflow_savemasks.engine.errors import Stopped, StorageError
from airflow_savemasks.engine.supervisely.answers import Passing, length_of, refuse, split_parts
from airflow_savemasks.engine.supervisely.waits import quieten, tell_wait

Json = dict[str, Any]

ATTEMPTS = 8
CLEAN_UPS = 2  # attempts of a call that clears something away, after a stop
LONGEST_WAIT = 60.0  # seconds, between two attempts; a longer Retry-After wins
FIRST_WAIT = 1.0
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
FIX_ADDRESS = "Check the server address, and the version of the instance"


class Api:
    """One client for all threads of an export. An address without a scheme is one of https."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        attempts: int = ATTEMPTS,
        first_wait: float = FIRST_WAIT,
        timeout: httpx.Timeout | float = TIMEOUT,
    ) -> None:
        """attempts: of each call; first_wait: seconds between the first two; timeout: of each request, in seconds."""
        address = address.rstrip("/")
        self.address = address if "://" in address else f"https://{address}"
        quieten()
        self._client = httpx.Client(
            base_url=f"{self.address}/public/api/v3/",
            headers={"x-api-key": token},
            timeout=timeout,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
        )
        self._attempts, self._first_wait = attempts, first_wait
        self._stop = threading.Event()

    def __repr__(self) -> str:
        return f"Api({self.address})"

    def watch(self, stop: threading.Event) -> None:
        """From now on every method raises Stopped, within a second, once `stop` is set."""
        self._stop = stop

    def obey(self) -> None:
        """Raises Stopped once that was asked for."""
        if self._stop.is_set():
            raise Stopped

    def call(self, method: str, body: Json) -> Any:
        """The JSON answer of a method. Raises AccessError, NotFound, StorageError."""
        return self.again(method, lambda: self._json(method, self._post(method, body)))

    def clear(self, method: str, body: Json) -> None:
        """Like `call`, for what clears away after an error: also after a stop, and then tried less often."""
        attempts = CLEAN_UPS if self._stop.is_set() else self._attempts
        self._again(method, lambda: self._post(method, body), attempts, time.sleep)

    def pages(self, method: str, body: Json) -> Iterator[Json]:
        """All entities of a list method, page by page, by ascending id. Raises StorageError if some are missing."""
        page, pages, total, found = 1, 1, 0, 0
        per_page: Json = {}
        while page <= pages:
            answer = self.call(method, {**body, "sort": "id", "sort_order": "asc", **per_page, "page": page})
            with self.understood(method):
                pages, total, entities = int(answer["pagesCount"]), int(answer["total"]), list(answer["entities"])
                per_page = {"per_page": answer["perPage"]}
            found += len(entities)
            yield from entities
            page += 1
        if found != total:
            raise StorageError(
                self.where(method), f"{found} of {total} entities came", "Do not change a project while it is exported"
            )

    def parts(
        self, method: str, body: Json, check: Callable[[dict[int, bytes]], str | None] = lambda _: None
    ) -> dict[int, bytes]:
        """A multipart answer as id -> content. check: says what is wrong with it, which makes it tried again."""

        def once() -> dict[int, bytes]:
            found = split_parts(self._post(method, body))
            if problem := check(found):
                raise Passing(problem)
            return found

        found: dict[int, bytes] = self.again(method, once)
        return found

    def raw(self, method: str, body: Json) -> bytes:
        """The bytes of an answer. Raises AccessError, NotFound, StorageError."""
        content: bytes = self.again(method, lambda: self._post(method, body).content)
        return content

    def download(
        self, method: str, body: Json, offset: int, size: int, chunk: int, whole: int | None = None
    ) -> Iterator[bytes]:
        """Part of a file's bytes, streamed, as much of it as there is; what lies before is read over, for the API knows
        no ranges. whole: bytes of the file; a body that ends before is asked for again, as any that breaks off, without
        what was given out already. Raises StorageError, Stopped.
        """
        at, end = offset, offset + size
        failures = 0
        while at < end:
            before = at
            try:
                for piece in self._download(method, body, at, end, chunk, whole):
                    at += len(piece)
                    yield piece
            except Passing as error:
                failures = failures + 1 if at == before else 1
                if failures >= self._attempts:
                    raise self._given_up(method, error) from None
                pause = max(error.after, min(self._first_wait * 2**failures, LONGEST_WAIT))
                tell_wait(self.where(method), error, failures, self._attempts, pause)
                self._pause(pause)
            else:
                return

    def post_raw(self, method: str, params: Json, content: Callable[[], Iterator[bytes]]) -> Any:
        """Send a stream, from its beginning at each attempt; the JSON answer."""

        def once() -> Any:
            headers = {"Content-Type": "application/octet-stream"}
            answer = self._send(lambda: self._client.post(method, params=params, content=content(), headers=headers))
            if answer.status_code != httpx.codes.OK:
                refuse(self.where(method), answer)
            return self._json(method, answer)

        return self.again(method, once)

    def again(self, method: str, once: Callable[[], Any]) -> Any:
        """Call `once` until it succeeds, as long as what it fails with may pass. Raises Stopped."""

        def unless_stopped() -> Any:
            self.obey()
            return once()

        return self._again(method, unless_stopped, self._attempts, self._pause)

    def where(self, method: str) -> str:
        return f"{self.address}, {method}"

    @contextmanager
    def understood(self, method: str) -> Iterator[None]:
        """What is missing or of another type in an answer becomes a StorageError that names the method."""
        try:
            yield
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            problem = f"the answer is another than it should be ({type(error).__name__}: {error})"
            raise StorageError(self.where(method), problem, FIX_ADDRESS) from error

    def _again(self, method: str, once: Callable[[], Any], attempts: int, sleep: Callable[[float], None]) -> Any:
        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            backoff = wait_exponential_jitter(self._first_wait, LONGEST_WAIT, jitter=self._first_wait)(state)
            return max(backoff, error.after if isinstance(error, Passing) else 0.0)

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = state.next_action.sleep if state.next_action else 0.0
            tell_wait(self.where(method), error, state.attempt_number, attempts, pause)

        retrying = Retrying(
            retry=retry_if_exception_type(Passing),
            stop=stop_after_attempt(attempts),
            wait=wait,
            before_sleep=tell,
            sleep=sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except Passing as error:
            raise self._given_up(method, error) from None

    def _given_up(self, method: str, error: Passing) -> StorageError:
        problem = f"{error.problem}, {self._attempts} times"
        return StorageError(self.where(method), problem, "Look at the instance, then run it again")

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _download(self, method: str, body: Json, at: int, end: int, chunk: int, whole: int | None) -> Iterator[bytes]:
        """The bytes from `at` to `end`, in one attempt. Raises Passing where the body ends too early."""
        self.obey()
        came = 0
        try:
            with self._client.stream("POST", method, json=body) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    refuse(self.where(method), answer)
                whole = length_of(answer) if whole is None else whole
                for piece in answer.iter_bytes(chunk):
                    self.obey()
                    wanted = piece[max(0, at - came) : max(0, end - came)]
                    came += len(piece)
                    if wanted:
                        yield wanted
                    if came >= end:
                        return
        except httpx.TransportError as error:
            raise Passing(f"no answer ({type(error).__name__} {error})".strip()) from None
        if whole is not None and came < whole:
            raise Passing(f"{came} of {whole} bytes came")

    def _post(self, method: str, body: Json) -> httpx.Response:
        answer = self._send(lambda: self._client.post(method, json=body))
        if answer.status_code != httpx.codes.OK:
            refuse(self.where(method), answer)
        return answer

    def _send(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            answer = request()
        except httpx.TransportError as error:
            reason = f"{type(error).__name__} {error}".strip()
            raise Passing(f"no answer ({reason})") from None
        whole = length_of(answer)
        if whole is not None and len(answer.content) < whole:
            raise Passing(f"{len(answer.content)} of {whole} bytes came")
        return answer

    def _json(self, method: str, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise StorageError(self.where(method), "the answer is no JSON", "Check the server address") from None
