"""Worker processes: where pictures are small, threads would wait for Python's lock most of the time.

Each is a fresh interpreter (no fork: other threads may hold anything) that gets the job as plain data, opens its
sources itself, and loads and renders groups of items. It answers with sizes, lines and errors; the bytes it writes to
memory that both share (memfd_create), from where they are written once their place is known.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.errors import Stopped, WorkerDied
from airflow_savemasks.engine.job import Job, hand_over
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.work.frames import Ended, receive, send
from airflow_savemasks.engine.work.slots import Slot, rendered_in

PATIENCE = 5.0  # seconds that a process gets to end by itself
LOOK = 0.1  # seconds between two looks at whether to go on waiting
START = "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from {} import main; main(int(sys.argv[1]))"
CHILD = "airflow_savemasks.engine.work.child"
FIX = (
    "Run it again: finished parts are kept. SIGKILL is mostly the system's, out of memory: give it more, or fewer "
    "workers (with workers=1 there are no processes)"
)


class Worker:
    """One process. Several threads may have it render at once; it answers in the order in which it is asked.

    load: how many groups it has; kept by whoever chooses among several.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", START.format(CHILD), str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # signals of a terminal, and of Airflow, are for this process
            )
        self.load = 0
        self.pid = self._process.pid
        self._connection = ours
        self._asking = threading.Lock()
        self._turn = threading.Condition()
        self._asked = self._answered = 0
        self._is_gone = False
        self._held: dict[int, Sequence[Planned]] = {}  # number of the question -> items that it has
        self._slots: list[Slot] = []
        self._free: list[Slot] = []

    def open(self, handed: bytes, pixels: int, obey: Callable[[], None]) -> None:
        """Have it take over a job (by `hand_over`). pixels: of the largest picture that it may decode.

        Raises Ended where it does not run, and what it raised while it opened the sources.
        """
        send(self._connection, handed, pixels)
        error, _, _ = receive(self._connection, obey)
        if error is not None:
            raise error

    def render(self, items: Sequence[Planned], obey: Callable[[], None]) -> tuple[list[Rendered], Slot] | None:
        """Items rendered, with bytes in a slot that is to be given back to `free`; None where it does not dare to.

        Raises WorkerDied, what it raised, and what `obey` raises, which is called while there is no answer.
        """
        try:
            slot, number = self._ask(items)
            with self._turn:
                while self._answered != number:
                    if self._is_gone:
                        raise Ended
                    obey()
                    self._turn.wait(LOOK)
            answer, _, _ = receive(self._connection, obey)
        except Ended:
            raise self._died() from None
        with self._turn:
            self._answered += 1
            del self._held[number]
            self._turn.notify_all()
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.free(slot)
            return None
        return rendered_in(slot, items, answer), slot

    def _ask(self, items: Sequence[Planned]) -> tuple[Slot, int]:
        with self._asking:
            if self._free:
                slot = self._free.pop()
            else:
                slot = Slot(len(self._slots))
                self._slots.append(slot)
            number = self._asked
            self._asked += 1
            self._held[number] = items
            send(self._connection, items, slot.number, None if slot.is_known else slot.descriptor)
            slot.is_known = True
        return slot, number

    def free(self, slot: Slot) -> None:
        """Nobody needs the bytes in a slot any more."""
        self._free.append(slot)

    def kill(self) -> None:
        with suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """It ends, as nobody asks any more; by force where it does not. No thread may ask meanwhile."""
        self._connection.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        for slot in self._slots:
            slot.close()

    def _died(self) -> WorkerDied:
        with self._turn:
            self._is_gone = True
            self._turn.notify_all()
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = 0
        items = [planned for some in list(self._held.values()) for planned in some]
        names = [f"{planned.folder}/{planned.name}" for planned in items]
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        fact = f"{how} while it had {len(names)} items, {names[0]} to {names[-1]}"
        return WorkerDied(f"worker process {self.pid}", fact, FIX)


class Workers:
    """All worker processes of an export."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers
        self._choosing = threading.Lock()
        self.closed = False

    def __len__(self) -> int:
        return len(self._workers)

    def render(
        self, items: Sequence[Planned], obey: Callable[[], None]
    ) -> tuple[list[Rendered], Callable[[], None]] | None:
        """As `Worker.render`, by the one that has least to do; with what gives the memory back."""

        def check() -> None:
            if self.closed:
                raise Stopped
            obey()

        with self._choosing:
            worker = min(self._workers, key=lambda one: one.load)
            worker.load += 1
        try:
            found = worker.render(items, check)
        finally:
            with self._choosing:
                worker.load -= 1
        if found is None:
            return None
        rendered, slot = found
        return rendered, lambda: worker.free(slot)

    def kill(self) -> None:
        """At once; whoever waits gives up."""
        self.closed = True
        for worker in self._workers:
            worker.kill()

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


def start_workers(job: Job, number: int, pixels: int, obey: Callable[[], None]) -> Workers | None:
    """So many processes, all ready; None, after a line in the log, where they cannot be had here."""
    if not hasattr(os, "memfd_create") or not sys.executable:
        return None
    workers: list[Worker] = []
    try:
        handed = hand_over(job)
        if handed is None:
            return None
        Slot(0).close()  # a container may forbid such memory
        workers.extend(Worker() for _ in range(number))
        for worker in workers:
            worker.open(handed, pixels, obey)
    except BaseException as error:
        started = Workers(workers)
        started.kill()
        started.close()
        if not isinstance(error, Exception) or isinstance(error, Stopped):
            raise
        log.warning("no worker processes, threads render instead: %s", error or "they end as they start")
        return None
    return Workers(workers)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
