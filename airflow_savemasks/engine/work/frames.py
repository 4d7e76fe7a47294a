"""Messages between an export and its worker processes: a length, bytes, and now and then a file descriptor. Pure but
for the socket.
"""

from __future__ import annotations

import pickle
import select
import socket
import struct
from collections.abc import Callable
from typing import Any

HEAD = struct.Struct("<QQ")  # bytes that follow, number of the shared file that the answer goes to
LOOK = 100  # milliseconds between two looks at whether to go on waiting


class Ended(Exception):
    """The other side is gone."""


def send(connection: socket.socket, message: Any, slot: int = 0, descriptor: int | None = None) -> None:
    """Send a message that can be pickled. Raises Ended."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    head = HEAD.pack(len(data), slot)
    try:
        if descriptor is None:
            connection.sendall(head + data)
        else:
            socket.send_fds(connection, [head], [descriptor])
            connection.sendall(data)
    except OSError as error:
        raise Ended from error


def receive(connection: socket.socket, obey: Callable[[], None] | None = None) -> tuple[Any, int, int | None]:
    """A message, the number with it, and a descriptor if one came. Raises Ended.

    obey: called while there is nothing; may raise to give up.
    """
    while obey is not None and not _is_readable(connection):
        obey()
    try:
        head, descriptors, _, _ = socket.recv_fds(connection, HEAD.size, 1)
        if len(head) < HEAD.size:
            raise Ended
        size, slot = HEAD.unpack(head)
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = connection.recv_into(view)
            if not count:
                raise Ended
            view = view[count:]
    except OSError as error:
        raise Ended from error
    return pickle.loads(data), slot, descriptors[0] if descriptors else None  # noqa: S301 - both sides are this export


def _is_readable(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(LOOK))
