"""A worker process: loads and renders groups of items until the export that started it ends it, or is gone.

It writes nothing but what it is given to write to: memory that it shares with the export (processes.py).
"""

from __future__ import annotations

import ctypes
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import cv2

from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.job import Job, take_over
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.project.source import Loaded
from airflow_savemasks.engine.storage.files_to_be import write_at
from airflow_savemasks.engine.work.collector import rarer_collections
from airflow_savemasks.engine.work.frames import Ended, receive, send
from airflow_savemasks.engine.work.item import render_items
from airflow_savemasks.engine.work.loading import batches, load_items
from airflow_savemasks.engine.work.slots import Told

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOADS = 16  # reads in flight: more than one core renders of within some round trips
Loading = Callable[[], list[tuple[Planned, Loaded]]]  # waits for what is loaded, or loads it


class TooManyPixels(Exception):
    """A picture is larger than this process may hold: the export renders it itself, within its budget."""


def main(descriptor: int) -> None:
    """descriptor: of the socket to the export. Never returns."""
    _die_with_the_export()
    connection = socket.socket(fileno=descriptor)
    try:
        handed, pixels, _ = receive(connection)
        try:
            job = take_over(handed)
        except Exception as error:  # noqa: BLE001 - the export tells it, or does without this process
            send(connection, _portable(error))
            return
        send(connection, None)
        cv2.setNumThreads(1)
        with rarer_collections():
            _work(connection, job, pixels)
    except Ended:
        os._exit(0)


def _work(connection: socket.socket, job: Job, pixels: int) -> None:
    """Render what comes. Groups that wait are being loaded meanwhile, where their source is a remote one."""
    groups: queue.SimpleQueue[tuple[list[Loading], int]] = queue.SimpleQueue()
    connections = max(entry.source.connections for entry in job.inputs)
    pool = ThreadPoolExecutor(min(connections, LOADS), thread_name_prefix="savemasks-load") if connections else None
    files: dict[int, int] = {}

    def begin(batch: list[Planned]) -> Loading:
        load = partial(_load, job, batch)
        return pool.submit(load).result if pool else load

    def take() -> None:
        try:
            while True:
                items, slot, descriptor = receive(connection)
                if descriptor is not None:
                    files[slot] = descriptor
                groups.put((list(map(begin, batches(job, items))), slot))
        except Ended:
            os._exit(0)  # nobody waits for anything any more
        except BaseException:  # noqa: BLE001 - what is raised in a thread would be seen by nobody
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=take, name="savemasks-take", daemon=True).start()
    while True:
        loading, slot = groups.get()
        send(connection, _answer(job, loading, pixels, files[slot]))


def _load(job: Job, batch: list[Planned]) -> list[tuple[Planned, Loaded]]:
    return list(zip(batch, load_items(job, batch), strict=True))


def _answer(job: Job, loading: list[Loading], pixels: int, file: int) -> list[Told] | Exception | None:
    """What is told of a group, whose bytes are in the file then; None: it has to be rendered by the export itself."""

    def reserve(wanted: int) -> None:
        if wanted > pixels:
            raise TooManyPixels

    try:
        pairs = [pair for loaded in loading for pair in loaded()]
        rendered = render_items(job, pairs, reserve, lambda: None)
        write_at(file, [piece for one in rendered for piece in one.pieces], 0)
    except TooManyPixels:
        return None
    except Exception as error:  # noqa: BLE001 - it is raised again where the export waits
        return _portable(error)
    return list(map(_told, rendered))


def _portable(error: Exception) -> Exception:
    """An error that can be sent, with its traceback as a note unless it is one of ours."""
    if not isinstance(error, SaveMasksError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:  # noqa: BLE001 - an error with an __init__ of its own
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def _told(one: Rendered) -> Told:
    return one.size, one.line, one.error, one.unread, one.left_out, one.preview


def _die_with_the_export() -> None:
    """Signals of a terminal or of Airflow are for the export, which ends this process; where it is gone so is this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
