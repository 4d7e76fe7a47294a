"""A real HTTP server on loopback that serves one file well and badly; the first part of the path says how."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any


class Web:
    """content: what every path gives. failures: how often `flaky` and `breaks` fail before they do not."""

    def __init__(self, port: int) -> None:
        self.at = f"127.0.0.1:{port}"
        self.root = f"http://{self.at}"
        self.content = b""
        self.requests: list[str] = []
        self.failures = 0
        self.over = threading.Event()  # ends what waits

    def gives(self, file: Path) -> None:
        self.content = file.read_bytes()


@contextmanager
def served() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            web.requests.append(f"{self.path} {self.headers.get('Range', '')}".strip())
            how = self.path.split("/")[1]
            try:
                getattr(self, how)()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def answer(self, status: int = 200, length: int | None = None, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()

        def plain(self) -> None:
            self.answer(length=len(web.content))
            self.wfile.write(web.content)

        def odd(self) -> None:
            """With a header that is none, of which clients complain."""
            length = f"Content-Length: {len(web.content)}".encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\nno header\r\n\r\n" + web.content)

        def webhdfs(self) -> None:
            self.status() if "/status/" in self.path else self.plain()

        def ranges(self) -> None:
            start, wanted = 0, self.headers.get("Range")
            if wanted:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                self.answer(
                    206,
                    len(web.content) - start,
                    Content_Range=f"bytes {start}-{len(web.content) - 1}/{len(web.content)}",
                )
            else:
                self.answer(length=len(web.content), Accept_Ranges="bytes", ETag='"1"')
            self.wfile.write(web.content[start:])

        def chunked(self) -> None:
            self.answer(Transfer_Encoding="chunked")
            for at in range(0, len(web.content), 5000):
                piece = web.content[at : at + 5000]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def cut(self) -> None:
            """A chunked answer that ends in the middle of a chunk."""
            self.answer(Transfer_Encoding="chunked")
            self.wfile.write(b"ffff\r\n" + web.content[:100])
            self.close_connection = True

        def unsized(self) -> None:
            self.answer(Connection="close")
            self.wfile.write(web.content)
            self.close_connection = True

        def short(self) -> None:
            self.answer(length=len(web.content) + 1000)
            self.wfile.write(web.content)
            self.close_connection = True

        def breaks(self) -> None:
            if web.failures:
                web.failures -= 1
                self.short()
            else:
                self.plain()

        def flaky(self) -> None:
            if web.failures:
                web.failures -= 1
                self.answer(503, 0)
            else:
                self.plain()

        def status(self) -> None:
            self.answer(int(self.path.partition("status/")[2][:3]), 0)

        def loop(self) -> None:
            self.answer(302, 0, Location=self.path)

        def moved(self) -> None:
            self.answer(302, 0, Location=self.path.replace("moved", "plain"))

        def secret(self) -> None:
            wanted = f"Basic {base64.b64encode(b'kiwi:geheim99').decode()}"
            if self.headers.get("Authorization") == wanted and self.path.endswith("?token=geheim98"):
                self.plain()
            else:
                self.answer(401, 0)

        def silent(self) -> None:
            web.over.wait(30)
            self.close_connection = True

        def stall(self) -> None:
            self.answer(length=len(web.content))
            self.wfile.write(web.content[:1000])
            web.over.wait(30)
            self.close_connection = True

        def slow(self) -> None:
            """In ten pieces, a twentieth of a second apart."""
            self.answer(length=len(web.content))
            step = len(web.content) // 10 + 1
            for at in range(0, len(web.content), step):
                self.wfile.write(web.content[at : at + step])
                web.over.wait(0.05)

        def endless(self) -> None:
            self.answer(Connection="close")
            while not web.over.is_set():
                self.wfile.write(bytes(1 << 16))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients leave when they have enough
    web = Web(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.over.set()
        server.shutdown()
        server.server_close()


@contextmanager
def served_by_ftp(content: bytes, last: str = "226 that was all") -> Iterator[str]:
    """Address of an FTP server with one file for `anonymous`, and for `kiwi` with a password; last: its last answer."""

    class Handler(StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 hello")
            user, data = "", socket.socket()
            for line in self.rfile:
                word, _, rest = line.decode().strip().partition(" ")
                if word == "USER":
                    user = rest
                    self.say("331 password?")
                elif word == "PASS":
                    fits = user == "anonymous" or (user, rest) == ("kiwi", "geheim99")
                    self.say("230 welcome" if fits else "530 no")
                elif word in {"EPSV", "PASV"}:
                    data = socket.create_server(("127.0.0.1", 0))
                    port = data.getsockname()[1]
                    numbers = f"127,0,0,1,{port >> 8},{port & 255}"
                    self.say(f"229 ready (|||{port}|)" if word == "EPSV" else f"227 ready ({numbers})")
                elif word == "RETR" and rest.endswith("none.tar"):
                    self.say("550 no such file")
                elif word == "RETR":
                    self.say("150 here it comes")
                    with data, data.accept()[0] as to:
                        to.sendall(content)
                    self.say(last)
                else:
                    self.say("200 well")

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
