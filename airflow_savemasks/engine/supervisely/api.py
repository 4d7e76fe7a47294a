"""HTTP calls to an instance: POST with a JSON body, a token in a header, retries, pages (supervisely-api, section 1).

The token goes into the header and nowhere else: not into an error, a log line or the repr of the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.progress import log

Json = dict[str, Any]

TRANSIENT = frozenset({408, 429, 499, 500, 502, 503, 504, 509, 598, 599})
ATTEMPTS = 8
LONGEST_WAIT = 60.0  # seconds, between two attempts; a longer Retry-After wins
FIRST_WAIT = 1.0
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
AGENT_MISSING = "Agent should call AgentConnected or AgentPing"
PART_NAME = re.compile(r'(?:^|[\s;])name="(\d+)"')


class _Passing(Exception):
    """Something that may be gone when tried again; `after`: seconds the server asked to wait."""

    def __init__(self, problem: str, after: float = 0.0) -> None:
        super().__init__(problem)
        self.problem, self.after = problem, after


def _right(_found: dict[int, bytes]) -> str | None:
    return None


class NotFound(StorageError):
    """The instance knows no such object."""


class Api:
    """One client for all threads of an export."""

    def __init__(self, address: str, token: str, *, attempts: int = ATTEMPTS, first_wait: float = FIRST_WAIT) -> None:
        address = address.rstrip("/")
        self.address = address if "://" in address else f"http://{address}"
        self._client = httpx.Client(
            base_url=f"{self.address}/public/api/v3/",
            headers={"x-api-key": token},
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16),
        )
        self._attempts, self._first_wait = attempts, first_wait

    def __repr__(self) -> str:
        return f"Api({self.address})"

    def call(self, method: str, body: Json) -> Any:
        """The JSON answer of a method. Raises AccessError, NotFound, StorageError."""
        return self.again(method, lambda: self._json(method, self._post(method, body)))

    def pages(self, method: str, body: Json) -> Iterator[Json]:
        """All entities of a list method, page by page, by ascending id. Raises StorageError if some are missing."""
        page, pages, total, found = 1, 1, 0, 0
        per_page: Json = {}
        while page <= pages:
            answer = self.call(method, {**body, "sort": "id", "sort_order": "asc", **per_page, "page": page})
            pages, total = answer["pagesCount"], answer["total"]
            per_page = {"per_page": answer["perPage"]}
            found += len(answer["entities"])
            yield from answer["entities"]
            page += 1
        if found != total:
            raise StorageError(
                self.where(method), f"{found} of {total} entities came", "Do not change a project while it is exported"
            )

    def parts(
        self, method: str, body: Json, check: Callable[[dict[int, bytes]], str | None] = _right
    ) -> dict[int, bytes]:
        """A multipart answer as id -> content. check: says what is wrong with it, which makes it tried again."""

        def once() -> dict[int, bytes]:
            found = split_parts(self._post(method, body))
            if problem := check(found):
                raise _Passing(problem)
            return found

        found: dict[int, bytes] = self.again(method, once)
        return found

    def raw(self, method: str, body: Json) -> bytes:
        """The bytes of an answer, in one attempt: for `again`."""
        return self._post(method, body).content

    def download(self, method: str, body: Json, offset: int, size: int, chunk: int) -> Iterator[bytes]:
        """Part of a file's bytes, streamed; what lies before is read over, for the API knows no ranges."""
        with self._client.stream("POST", method, json=body) as answer:
            if answer.status_code != httpx.codes.OK:
                answer.read()
                self._refuse(method, answer)
            for piece in answer.iter_bytes(chunk):
                wanted = piece[offset : offset + size]
                offset = max(0, offset - len(piece))
                size -= len(wanted)
                if wanted:
                    yield wanted
                if size <= 0:
                    return

    def post_raw(self, method: str, params: Json, content: Callable[[], Iterator[bytes]]) -> Any:
        """Send a stream, from its beginning at each attempt; the JSON answer."""

        def once() -> Any:
            headers = {"Content-Type": "application/octet-stream"}
            answer = self._send(lambda: self._client.post(method, params=params, content=content(), headers=headers))
            if answer.status_code != httpx.codes.OK:
                self._refuse(method, answer)
            return self._json(method, answer)

        return self.again(method, once)

    def again(self, method: str, once: Callable[[], Any]) -> Any:
        """Call `once` until it succeeds, as long as what it fails with may pass."""

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            backoff = wait_exponential_jitter(self._first_wait, LONGEST_WAIT, jitter=self._first_wait)(state)
            return max(backoff, error.after if isinstance(error, _Passing) else 0.0)

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.info("%s: %s; attempt %d of %d", self.where(method), error, state.attempt_number, self._attempts)

        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(self._attempts),
            wait=wait,
            before_sleep=tell,
            reraise=True,
        )
        try:
            return retrying(once)
        except _Passing as error:
            problem = f"{error.problem}, {self._attempts} times"
            raise StorageError(self.where(method), problem, "Look at the instance, then run it again") from None

    def where(self, method: str) -> str:
        return f"{self.address}, {method}"

    def _post(self, method: str, body: Json) -> httpx.Response:
        answer = self._send(lambda: self._client.post(method, json=body))
        if answer.status_code != httpx.codes.OK:
            self._refuse(method, answer)
        return answer

    def _send(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return request()
        except httpx.TransportError as error:
            reason = f"{type(error).__name__} {error}".strip()
            raise _Passing(f"no answer ({reason})") from None

    def _json(self, method: str, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise StorageError(self.where(method), "the answer is no JSON", "Check the server address") from None

    def _refuse(self, method: str, answer: httpx.Response) -> None:
        """Turn an answer other than 200 into the right error."""
        problem = f"{answer.status_code} {_message(answer)}".strip()
        if answer.status_code in TRANSIENT or (
            answer.status_code == httpx.codes.BAD_REQUEST and AGENT_MISSING in problem
        ):
            raise _Passing(problem, _retry_after(answer))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise AccessError(self.where(method), problem, "Put a valid API token into the Supervisely connection")
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise AccessError(
                self.where(method), problem, "Give the token's user the right to it, or use another token"
            )
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFound(self.where(method), problem, "Check the id or the name")
        raise StorageError(self.where(method), problem, "Look at the instance's log")


def split_parts(answer: httpx.Response) -> dict[int, bytes]:
    """A multipart/form-data answer -> the number in each part's name -> its content.

    Raises _Passing where the body is cut off: a hole must not look like an empty part.
    """
    header = Message()
    header["Content-Type"] = answer.headers.get("Content-Type", "")
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str):
        raise _Passing("the answer is not multipart")
    fence = b"--" + boundary.encode("latin-1")
    sections = (b"\r\n" + answer.content).split(b"\r\n" + fence)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise _Passing("the answer ends too early")
    found = {}
    for section in sections[1:-1]:
        head, blank, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        named = PART_NAME.search(head.decode("utf-8", "replace"))
        if not blank or not named:
            raise _Passing("a part of the answer has no name")
        found[int(named[1])] = content
    return found


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        details = body.get("details") or {}
        first = details[0] if isinstance(details, list) and details else details
        return f"{body.get('error', '')} {first.get('message', '') if isinstance(first, dict) else ''}".strip()[:300]
    except (ValueError, AttributeError):
        return answer.reason_phrase


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
