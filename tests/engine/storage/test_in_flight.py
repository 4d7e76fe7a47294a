"""Calls on their way: how many at once, what they hold, what comes of them, and what a stop does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.storage import in_flight
from airflow_savemasks.engine.storage.in_flight import MOST, ROOM, InFlight
from airflow_savemasks.engine.storage.retries import Failure, Guard, Kind


@pytest.fixture
def guard() -> Guard:
    return Guard("x", lambda error: Failure(Kind.BROKEN, str(error)), None)


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
def test_no_more_is_held_than_there_is_room_for(guard: Guard, size: int, most: int) -> None:
    flights, meter = InFlight(guard), Meter()

    def many(_: int) -> list[int]:
        return flights.run((lambda: meter.hold(size), size) for _ in range(20))

    with ThreadPoolExecutor(4) as pool:  # the room is that of all who use the storage
        assert list(pool.map(many, range(4))) == [[size] * 20] * 4
    assert most // 2 <= meter.most <= most


def test_results_come_in_order_and_the_first_error_ends_it(guard: Guard) -> None:
    flights, begun = InFlight(guard), []

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


def test_a_stop_waits_for_no_call(guard: Guard) -> None:
    flights, silent = InFlight(guard), threading.Event()
    whole = [(silent.wait, ROOM), (silent.wait, 1)]
    for work in (
        lambda: flights.run(whole),
        lambda: flights.result(flights.begin(silent.wait)),
        lambda: flights.begin(silent.wait, ROOM),
    ):
        timer = threading.Timer(0.1, guard.stop.set)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            work()
        flights.clear(silent.wait)
        assert time.monotonic() - began < 1.0 + 3 * in_flight.LOOK
        timer.join()
        guard.stop.clear()
    silent.set()
