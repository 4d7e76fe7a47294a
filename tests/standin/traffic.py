"""The way in: counts and logs every request, and lets the faults strike.

    client ──> Gate (log, faults) ──> application (token, methods) ──> instance

It stands outside of the application because some faults need the connection itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.standin.answers import ApiError, json_response
from tests.standin.faults import Effect, Fault, Faults, first

PREFIX = "/public/api/v3/"
SECRET_HEADERS = frozenset({"x-api-key", "authorization", "cookie", "proxy-authorization"})
LOGGER = logging.getLogger("tests.standin")


@dataclass
class Exchange:
    """One request and what became of it; `status` is None if the connection was closed without an answer."""

    method: str
    verb: str
    headers: dict[str, str]
    status: int | None = None
    received: int = 0
    sent: int = 0
    faults: list[Effect] = field(default_factory=list)
    under_way: bool = True

    def __str__(self) -> str:
        """Return the line of the log."""
        faults = "".join(f" [{effect.name}]" for effect in self.faults)
        return f"{self.verb} {self.method} -> {self.status} in={self.received} out={self.sent}{faults} {self.headers}"


class Traffic:
    """The log of all requests; secrets in their headers are masked before anything is kept."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._running: Counter[str] = Counter()
        self._highest: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self.exchanges.clear()
            self._highest.clear()

    def of(self, method: str = "*") -> list[Exchange]:
        """Return the requests of the methods that match a shell pattern, in the order of arrival."""
        with self._lock:
            return [exchange for exchange in self.exchanges if fnmatchcase(exchange.method, method)]

    def count(self, method: str = "*") -> int:
        """Return the number of requests."""
        return len(self.of(method))

    def counts(self) -> Counter[str]:
        """Return the number of requests of each method."""
        return Counter(exchange.method for exchange in self.of())

    def statuses(self, method: str = "*") -> Counter[int | None]:
        """Return the number of answers of each status."""
        return Counter(exchange.status for exchange in self.of(method))

    def highest_concurrency(self, method: str | None = None) -> int:
        """Return how many requests (of one method, or in all) were under way at once, at most."""
        with self._lock:
            return self._highest[method or "*"]

    @contextmanager
    def exchange(self, scope: Scope) -> Iterator[Exchange]:
        """Log a request while it is under way."""
        headers = {}
        for key, value in scope["headers"]:
            name = key.decode("latin-1").lower()
            headers[name] = "***" if name in SECRET_HEADERS else value.decode("latin-1")
        entry = Exchange(scope["path"].removeprefix(PREFIX), scope["method"], headers)
        with self._lock:
            self.exchanges.append(entry)
            for key in ("*", entry.method):
                self._running[key] += 1
                self._highest[key] = max(self._highest[key], self._running[key])
        try:
            yield entry
        finally:
            self.leave(entry)

    def leave(self, entry: Exchange) -> None:
        """Log a request as finished: when the end of its answer is about to go out, before the client can go on."""
        with self._lock:
            if not entry.under_way:
                return
            entry.under_way = False
            for key in ("*", entry.method):
                self._running[key] -= 1
        LOGGER.info("%s", entry)


class Gate:
    """The ASGI application that a server runs."""

    def __init__(self, app: ASGIApp, traffic: Traffic, faults: Faults) -> None:
        self.app, self.traffic, self.faults = app, traffic, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        with self.traffic.exchange(scope) as entry:
            due = self.faults.due(entry.method)
            entry.faults = [fault.effect for fault in due]
            connection = _Connection(receive, send, entry, due, self.traffic.leave)
            try:
                await self._handle({**scope, "faults": due}, connection, due)
            except (ClientDisconnect, ConnectionResetError):
                connection.abort()
            except Exception:
                LOGGER.exception("The stand-in failed at %s", entry.method)
                if entry.status is None:
                    error = ApiError(500, "Internal Server Error", "The stand-in failed, see its log")
                    await json_response(error.body(), error.status)(scope, connection.receive, connection.send)

    async def _handle(self, scope: Scope, connection: _Connection, due: list[Fault]) -> None:
        if (slow := first(due, Effect.SLOW)) is not None:
            await asyncio.sleep(slow.details["seconds"])
        if first(due, Effect.DROP) is not None:
            connection.abort()
        elif (failure := first(due, Effect.FAIL)) is not None:
            await connection.drain()
            status, retry_after = failure.details["status"], failure.details["retry_after"]
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            body = ApiError(status, HTTPStatus(status).phrase, "Switched on by a test").body()
            await json_response(body, status, headers)(scope, connection.receive, connection.send)
        else:
            await self.app(scope, connection.receive, connection.send)
            connection.finish()


class _Connection:
    """`receive` and `send` of one request, as the faults leave them."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        entry: Exchange,
        due: list[Fault],
        leave: Callable[[Exchange], None],
    ) -> None:
        self._receive, self._send, self._entry, self._leave = receive, send, entry, leave
        # The server's own object behind `send` holds the connection; closing it is no part of ASGI.
        self._transport: Any = send.__self__.transport  # type: ignore[attr-defined]
        broken = first(due, Effect.BREAK_UPLOAD)
        self._break_at: int | None = broken.details["at"] if broken else None
        self._lose_answer = first(due, Effect.LOSE_ANSWER) is not None
        self._truncate = first(due, Effect.TRUNCATE)
        self._held: list[Message] = []
        self._complete = False

    async def receive(self) -> Message:
        """Return the next piece of the request."""
        if self._transport.is_closing():
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._entry.received += len(message.get("body", b""))
        if self._break_at is not None and self._entry.received > self._break_at:
            self.abort()
            return {"type": "http.disconnect"}
        if message["type"] == "http.request" and not message.get("more_body"):
            self._complete = True
        return message

    async def drain(self) -> None:
        """Read the rest of the request, so that the client sees the answer and no broken pipe."""
        while not self._complete and (await self.receive())["type"] != "http.disconnect":
            pass

    async def send(self, message: Message) -> None:
        """Pass a piece of the answer on, or keep it where a fault needs the whole answer."""
        if self._lose_answer or self._transport.is_closing():
            return
        if self._truncate is not None:
            await self._send_part(message, self._truncate.details["keep"])
            return
        if message["type"] == "http.response.start":
            self._entry.status = message["status"]
        else:
            self._entry.sent += len(message.get("body", b""))
            if not message.get("more_body"):
                self._leave(self._entry)
        await self._send(message)

    def finish(self) -> None:
        """Close the connection if the answer is to be lost."""
        if self._lose_answer:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once; what was not sent yet is lost."""
        self._transport.abort()

    async def _send_part(self, message: Message, keep: float) -> None:
        self._held.append(message)
        if message["type"] != "http.response.body" or message.get("more_body"):
            return
        start, *bodies = self._held
        body = b"".join(item["body"] for item in bodies)
        headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        part = body[: min(int(len(body) * keep), max(len(body) - 1, 0))]
        self._entry.status, self._entry.sent = start["status"], len(part)
        self._leave(self._entry)
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": part, "more_body": True})
        self._transport.close()
