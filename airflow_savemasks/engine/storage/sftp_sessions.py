"""SFTP sessions: several channels of one SSH connection, each used by one thread at a time.

paramiko's SFTPClient mixes answers up when two threads wait for one. Locks are held for one operation, never while a
file is open between two of them, so no thread waits for another that waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from paramiko import SFTPClient, SSHException

MOST = 6  # channels; sshd allows 10 for a connection unless told otherwise


class Sessions:
    """connect: gives the first SFTPClient, and a new one after the connection was lost."""

    def __init__(self, connect: Callable[[], SFTPClient]) -> None:
        self._connect = connect
        self._guard = threading.Lock()
        self._open: list[tuple[SFTPClient, threading.Lock]] = []
        self._full = False
        self._turns = cycle(range(MOST))

    @contextmanager
    def borrow(self) -> Iterator[SFTPClient]:
        """A client for this thread. One that loses its connection takes the others with it."""
        client, lock = self._take()
        try:
            yield client
        except Exception as error:
            if lost(error) or client.get_channel().closed:
                self._forget(client)
            raise
        finally:
            lock.release()

    def _take(self) -> tuple[SFTPClient, threading.Lock]:
        with self._guard:
            for session in self._open:
                if session[1].acquire(blocking=False):
                    return session
            if not self._full and (client := self._another()) is not None:
                session = (client, threading.Lock())
                session[1].acquire()
                self._open.append(session)
                self._full = len(self._open) >= MOST
                return session
            session = self._open[next(self._turns) % len(self._open)]
        session[1].acquire()
        return session

    def _another(self) -> SFTPClient | None:
        """One more channel; None where the server wants no more of them."""
        if not self._open:
            return self._connect()
        channel: Any = self._open[0][0].get_channel()
        try:
            return SFTPClient.from_transport(channel.get_transport())
        except (SSHException, EOFError, OSError):
            self._full = True
            return None

    def _forget(self, client: SFTPClient) -> None:
        with self._guard:
            if any(client is known for known, _ in self._open):
                self._open, self._full = [], False


def lost(error: BaseException) -> bool:
    """Whether the connection is gone: paramiko says so in many ways, and for files with an OSError without a number."""
    if isinstance(error, (EOFError, ConnectionError, TimeoutError, SSHException)):
        return True
    return isinstance(error, OSError) and "Socket is closed" in str(error)
