"""A stand-in for a Supervisely instance, over real HTTP on the loopback address.

with StandIn(page_size=2) as server:
    project = server.instance.add_project("path/of/a/project")
    server.faults.fail(503, method="images.bulk.download", times=2)
    ...                                    # a client of server.address with server.token
    assert server.traffic.count("images.bulk.download") == 3
"""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from tests.standin.application import build_app
from tests.standin.faults import Faults
from tests.standin.instance import Instance
from tests.standin.traffic import Gate, Traffic

HOST = "127.0.0.1"
TOKEN = "stand-in-token"
START_SECONDS = 30.0


class StandIn:
    """An instance, its faults, its traffic and the server that makes them reachable.

    Args:
        token: the API token that clients must send.
        port: a free one by default.
        page_size: records on a page of a list, at most; small values make clients turn pages.
        bulk_limit: ids in one bulk call, at most.
        seed: of the faults that strike a share of the requests.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        port: int = 0,
        page_size: int = 500,
        bulk_limit: int = 50,
        seed: int = 0,
    ) -> None:
        self.token = token
        self._files = tempfile.TemporaryDirectory(prefix="stand-in-")
        self.instance = Instance(Path(self._files.name), page_size, bulk_limit)
        self.faults, self.traffic = Faults(seed), Traffic()
        self._port = port
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """The server address, as clients take it: `http://127.0.0.1:<port>`."""
        if self._socket is None:
            raise RuntimeError("The stand-in is not running: use `with StandIn() as server`")
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> Self:
        """Serve in a thread; returns when requests are answered."""
        self._socket = socket.create_server((HOST, self._port))
        app = Gate(build_app(self.instance, self.token), self.traffic, self.faults)
        config = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="stand-in", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("The stand-in did not start")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop serving and throw the Team Files away."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._server = self._thread = None
        self._files.cleanup()

    def wait(self) -> None:
        """Serve until the server stops."""
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
