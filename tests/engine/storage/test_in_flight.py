"""Calls on their way: how many at once, what they hold, what comes of them, and what a stop does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import Stopped, StorageError
from airflow_savemasks.engine.storage import in_flight
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.in_flight import MOST, ROOM, InFlight
from airflow_savemasks.engine.storage.writes import Writes


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


class Meter:
    """What is held at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def hold(self, size: int) -> int:
        with self._lock:
            self.now += size
            self.most = max(self.most, self.now)
        time.sleep(0.005)
        with self._lock:
            self.now -= size
        return size


@pytest.mark.parametrize(
    ("size", "most"), [(1, MOST), (ROOM // 8, ROOM), (ROOM // 3, ROOM // 3 * 3), (3 * ROOM, 3 * ROOM)]
)
def test_no_more_is_held_than_there_is_room_for(stop: threading.Event, size: int, most: int) -> None:
    flights, meter = InFlight(stop.is_set), Meter()

    def many(_: int) -> list[int]:
        return flights.run((lambda: meter.hold(size), size) for _ in range(20))

    with ThreadPoolExecutor(4) as pool:  # the room is that of all who use the storage
        assert list(pool.map(many, range(4))) == [[size] * 20] * 4
    assert most // 2 <= meter.most <= most


def test_results_come_in_order_and_the_first_error_ends_it(stop: threading.Event) -> None:
    flights, begun = InFlight(stop.is_set), []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.02 / (number + 1))
        if number == 5:
            raise KeyError(number)
        return number

    assert flights.run((lambda number=number: work(number), 0) for number in range(5)) == [*range(5)]
    with pytest.raises(KeyError):
        flights.run((lambda number=number: work(number), ROOM // 2) for number in range(100))
    assert len(begun) < 20
    assert not [thread for thread in threading.enumerate() if thread.name == "savemasks-call"]


def test_a_stop_waits_for_no_call(stop: threading.Event) -> None:
    flights, silent = InFlight(stop.is_set), threading.Event()
    whole = [(silent.wait, ROOM), (silent.wait, 1)]
    for work in (
        lambda: flights.run(whole),
        lambda: flights.result(flights.begin(silent.wait)),
        lambda: flights.begin(silent.wait, ROOM),
    ):
        timer = threading.Timer(0.1, stop.set)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            work()
        flights.clear(silent.wait)
        assert time.monotonic() - began < 1.0 + 3 * in_flight.LOOK
        timer.join()
        stop.clear()
    silent.set()


def test_many_small_files_are_there_when_the_block_ends(stop: threading.Event, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with Writes(storage, stop) as writes:
        calls = [writes.put(f"a/{number}", [b"receipt ", b"%d" % number]) for number in range(100)]
    assert sorted(writes.entries) == sorted(f"a/{number}" for number in range(100))
    for number, call in enumerate(calls):
        assert storage.read(f"a/{number}", call.result()) == b"receipt %d" % number
        assert writes.entries[f"a/{number}"] == storage.stat(f"a/{number}")


def test_the_error_of_one_file_comes_at_the_next_or_at_the_end(stop: threading.Event, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    (tmp_path / "a").write_bytes(b"a file")
    with pytest.raises(StorageError, match="File exists"), Writes(storage, stop) as writes:
        writes.put("a/x", [b"x"])
    with pytest.raises(StorageError, match="File exists"), Writes(storage, stop) as writes:
        writes.put("a/x", [b"x"])
        for _ in range(200):
            time.sleep(0.01)
            writes.put("c", [b"y"])
        pytest.fail("the error came at the end only")
    stop.set()
    with pytest.raises(Stopped), Writes(storage, stop) as writes:
        writes.put("d", [b"x"])
    assert not (tmp_path / "d").exists()
