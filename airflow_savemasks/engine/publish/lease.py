"""One at a time publishes an archive: who does holds a lease, a small file in the archive's work folder.

It is taken and renewed on conditions (`Storage.write_if`), and given back at the end. A holder that has not renewed it
for TERM seconds, by the storage's clock, is gone, and so is one of this machine that runs no more, or a holding of this
process that has ended, whatever became of giving it back: the next one takes it over. A holder that could not renew it
in time knows that by its own clock, before anybody takes it over, and from then on replaces nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from airflow_savemasks.engine.errors import ArchiveError, Changed, NotFound, SaveMasksError, Stopped
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish import clock
from airflow_savemasks.engine.publish.processes import Process, this_process
from airflow_savemasks.engine.storage.base import Entry, Storage

LEASE = "lease.json"
TERM = 90.0  # seconds without a renewal after which a holder is gone
RENEWED = 20.0  # seconds between two renewals; the holder counts a lease as lost that much before TERM
WAIT = 900.0  # seconds to wait for somebody else's
LONGEST_PAUSE = 5.0  # seconds between two looks at it; the first ones are shorter
HELD: set[str] = set()  # tokens of the leases that this very process holds, or is giving back
GRACE = 1.0  # seconds that giving it back may take after a stop


class Holder(BaseModel):
    """What stands in the file. token: of this holding; turn: how often it was renewed; since: for people."""

    model_config = ConfigDict(frozen=True, strict=True)

    process: Process
    token: str
    since: str
    turn: int = 0


def lease_path(dst: str) -> str:
    """Where the lease of an archive lies."""
    return f"{folder_of(dst)}/{LEASE}"


@contextmanager
def publishing_alone(team_files: Storage, dst: str, stop: threading.Event | None) -> Iterator[Lease]:
    """Hold the lease of an archive while the block runs; waits for whoever has it.

    Raises ArchiveError where it is not free after WAIT seconds, or was lost in the block; Stopped.
    """
    lease = Lease(team_files, folder_of(dst), stop or threading.Event())
    lease.wait()
    with lease.held():
        yield lease


@contextmanager
def unless_published(team_files: Storage, dst: str, stop: threading.Event | None) -> Iterator[Lease | None]:
    """Hold the lease while the block runs if nobody else has it, otherwise give None. Waits for nobody."""
    lease = Lease(team_files, folder_of(dst), stop or threading.Event())
    if lease.take() is not None:
        yield None
        return
    with lease.held():
        yield lease


class Lease:
    """The lease of one archive, to be held once. folder: the archive's work folder."""

    def __init__(self, team_files: Storage, folder: str, stop: threading.Event) -> None:
        self._team_files, self._path, self._folder = team_files, f"{folder}/{LEASE}", folder
        self._stop = stop
        self._holder = Holder(process=this_process(), token=uuid4().hex, since=datetime.now(UTC).isoformat()[:19] + "Z")
        self._entry: Entry | None = None
        self._renewed = 0.0
        self._lost = ""
        self._done = threading.Event()

    def wait(self) -> None:
        """Take it, once it is free. Raises ArchiveError, StorageError, Stopped."""
        until, pause, told = time.monotonic() + WAIT, 0.1, ""
        while (other := self.take()) is not None:
            where = self._team_files.locate(self._path)
            fact = f"{other.process} publishes this archive since {other.since}"
            if other.token != told:
                log.warning("%s: %s; waiting for it", where, fact)
                told = other.token
            if time.monotonic() >= until:
                fix = f"It was waited for {WAIT:.0f} seconds. Run it again when that export has ended, or end it"
                raise ArchiveError(where, fact, fix)
            if self._stop.wait(pause):
                raise Stopped
            pause = min(2 * pause, LONGEST_PAUSE)

    def take(self) -> Holder | None:
        """Try to; None where it is ours now, or who has it. Raises StorageError, Stopped."""
        HELD.add(self._holder.token)
        other: Holder | None = None
        try:
            other = self._take()
        except BaseException:
            HELD.discard(self._holder.token)
            raise
        if other is not None:
            HELD.discard(self._holder.token)
        return other

    def _take(self) -> Holder | None:
        entry: Entry | None = None
        while True:
            began = _seconds()
            self._entry = self._team_files.write_if(self._path, self._content(), entry)
            if self._entry is not None:
                self._renewed = began
                return None
            entry = self._team_files.stat(self._path)
            other = None if entry is None else self._read(entry)
            if entry is None or other is None:
                entry = None  # given back, or changed at this moment
                continue
            if not self._is_over(other, entry):
                return other
            log.debug("%s: %s is gone; taken over", self._team_files.locate(self._path), other.process)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Renew it while the block runs, then give it back. Raises ArchiveError where it was lost."""
        keeper = threading.Thread(target=self._keep, name="savemasks-lease", daemon=True)
        self._team_files.watch(_Watch(self, keeper))
        keeper.start()
        try:
            yield
        except Stopped:
            if not self._stop.is_set():
                self.check()
            raise
        finally:
            self._done.set()
            keeper.join(GRACE if self._stop.is_set() else None)
            self._team_files.watch(self._stop)

    def check(self) -> None:
        """Raises ArchiveError where somebody else may have it by now: nothing is to be replaced then."""
        if self.is_lost():
            fact = self._lost or f"could not be renewed for {TERM - RENEWED:.0f} seconds"
            fix = "Somebody else may publish this archive. Run it again: finished parts are kept"
            raise ArchiveError(self._team_files.locate(self._path), fact, fix)

    def is_lost(self) -> bool:
        """Whether somebody else has it, or may have it soon; asks nothing of the storage."""
        return bool(self._lost) or _seconds() - self._renewed > TERM - RENEWED

    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def wait_for_stop(self, seconds: float | None) -> bool:
        return self._stop.wait(seconds)

    def finish(self) -> None:
        """From here on a stop is not obeyed any more: the archive is there, and the rest of it follows."""
        self._stop = threading.Event()

    def _is_over(self, other: Holder, entry: Entry) -> bool:
        ended = other.token not in HELD and other.process == self._holder.process
        return ended or other.process.is_gone() or clock.now(self._team_files, self._folder) - entry.modified > TERM

    def _read(self, entry: Entry) -> Holder | None:
        """Who has it; None where it changes at this moment. One that cannot be read has an unknown holder."""
        try:
            return Holder.model_validate_json(self._team_files.read(self._path, entry))
        except (NotFound, Changed):
            return None
        except ValidationError:
            nobody = Process(host="an unknown machine", pid=0, boot="", space="", began="")
            return Holder(process=nobody, token=entry.identity, since="an unknown time")

    def _content(self) -> bytes:
        return self._holder.model_dump_json().encode()

    def _keep(self) -> None:
        """Renew it until the block ends, then give it back. What goes wrong is told, and tried again."""
        try:
            self._renew_until_done()
        finally:
            HELD.discard(self._holder.token)

    def _renew_until_done(self) -> None:
        while not self._done.wait(RENEWED):
            try:
                self._renew()
            except SaveMasksError as error:
                log.warning("the lease of the archive was not renewed: %s", error)
            if self._lost:
                return
        try:
            if _seconds() - self._renewed > RENEWED:
                self._renew()  # nobody takes it over between this and its end
            if not self._lost:
                self._team_files.delete([self._path])
        except SaveMasksError as error:
            log.warning("the lease of the archive stays for %.0f seconds: %s", TERM, error)

    def _renew(self) -> None:
        """Once. An earlier try may have written it though its answer was lost: then the file is ours as well."""
        began = _seconds()
        self._holder = self._holder.model_copy(update={"turn": self._holder.turn + 1})
        written = self._team_files.write_if(self._path, self._content(), self._entry)
        if written is None:
            there = self._team_files.stat(self._path)
            other = None if there is None else self._read(there)
            if other is not None and other.token == self._holder.token:
                written = self._team_files.write_if(self._path, self._content(), there)
            else:
                self._lost = f"was taken over by {other.process}" if other else "was removed by somebody else"
        if written is not None:
            self._entry, self._renewed = written, began


class _Watch(threading.Event):
    """What the storage looks at right before it replaces a file: a stop, or that the lease is lost.

    keeper: the thread that renews it and gives it back, which both does after a stop as well.
    """

    def __init__(self, lease: Lease, keeper: threading.Thread) -> None:
        super().__init__()
        self._lease, self._keeper = lease, keeper

    def is_set(self) -> bool:
        if threading.current_thread() is self._keeper:
            return False
        return self._lease.is_stopped() or self._lease.is_lost()

    def wait(self, timeout: float | None = None) -> bool:
        return self._lease.wait_for_stop(timeout) or self.is_set()


def _seconds() -> float:
    """A clock that never jumps, and goes on while the machine sleeps where the system has such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
