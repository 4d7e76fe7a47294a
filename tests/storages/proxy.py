"""A proxy in front of moto that counts the requests of each kind and spoils those that it is told to."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# what S3 answers; the faults "reset" (before the server sees the request), "lost" (after) and "torn" (half an answer)
# break the connection; "stall" keeps it open and silent until the faults are cleared, "slow" for a moment
ANSWERS = {
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "403": (403, "AccessDenied"),
    "400": (400, "InvalidRequest"),
}


STALLED = 30.0  # seconds


def kind_of(method: str, target: str, headers: Any) -> str:
    """The operation of S3's API."""
    words = parse_qs(urlsplit(target).query, keep_blank_values=True)
    if method == "PUT":
        if "partNumber" in words:
            return "UploadPartCopy" if "x-amz-copy-source" in headers else "UploadPart"
        return "PutObject"
    if method == "POST":
        names = {"uploads": "CreateMultipartUpload", "uploadId": "CompleteMultipartUpload", "delete": "DeleteObjects"}
        return next((name for word, name in names.items() if word in words), "POST")
    if method == "GET":
        return (
            "ListMultipartUploads" if "uploads" in words else "ListObjectsV2" if "list-type" in words else "GetObject"
        )
    if method == "HEAD":
        return "HeadObject"
    return "AbortMultipartUpload" if "uploadId" in words else "DeleteObject"


class Faults:
    """What to spoil. plan: kind -> faults for its next requests, one each; always: kind -> fault for all of them."""

    def __init__(self) -> None:
        self.plan: dict[str, list[str]] = {}
        self.always: dict[str, str] = {}
        self.seen: Counter[str] = Counter()
        self.heads: list[tuple[str, dict[str, str]]] = []  # kind and headers of each request
        self.bodies: list[tuple[str, bytes]] = []  # target and body of each request
        self.released = threading.Event()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def clear(self) -> None:
        self.plan, self.always = {}, {}
        self.seen.clear()
        self.heads.clear()
        self.bodies.clear()
        self.released.set()
        self.released = threading.Event()
        self.most_at_once = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more request at once, until the block ends."""
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            with self._lock:
                self.at_once -= 1

    def next(self, kind: str, headers: dict[str, str]) -> str | None:
        with self._lock:
            self.seen[kind] += 1
            self.heads.append((kind, headers))
            waiting = self.plan.get(kind)
            return waiting.pop(0) if waiting else self.always.get(kind)


@contextmanager
def faulty(server: str) -> Iterator[tuple[str, Faults]]:
    """The proxy's address and its faults, until the block ends."""
    faults = Faults()
    behind = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or every answer waits 40 ms between its head and its body

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.bodies.append((self.path, body))
            headers = {name.lower(): text for name, text in self.headers.items()}
            with faults.counted():
                self.answer_to(body, faults.next(kind_of(self.command, self.path, self.headers), headers))

        def answer_to(self, body: bytes, fault: str | None) -> None:
            if fault == "slow":
                time.sleep(0.3)
            if fault == "stall":
                faults.released.wait(STALLED)
            if fault in {"reset", "stall"}:
                self.cut()
            elif fault in ANSWERS:
                status, code = ANSWERS[fault]
                self.answer(status, {}, f"<Error><Code>{code}</Code><Message>spoilt</Message></Error>".encode())
            else:
                status, headers, answer = self.ask(body)
                if fault == "lost":
                    self.cut()
                else:
                    self.answer(status, headers, answer, torn=fault == "torn")

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

        def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(behind, timeout=30)
            try:
                headers = {name: text for name, text in self.headers.items() if name.lower() != "expect"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            finally:
                connection.close()

        def answer(self, status: int, headers: dict[str, str], body: bytes, *, torn: bool = False) -> None:
            self.send_response(status)
            length = headers.pop("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
            for name, text in headers.items():
                if name.lower() not in {"content-length", "connection", "transfer-encoding", "server", "date"}:
                    self.send_header(name, text)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if torn else body)
            if torn:
                self.cut()

        def cut(self) -> None:
            """Reset the connection."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            self.wfile = self.rfile = open("/dev/null", "r+b", buffering=0)  # noqa: PTH123, SIM115

        def log_message(self, *_: Any) -> None:
            """Silent."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", faults
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
