"""What threads write at places, and parts that end behind the back of who renders."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.index import Origin
from airflow_savemasks.engine.errors import Stopped, StorageError
from airflow_savemasks.engine.parts import endings as endings_module
from airflow_savemasks.engine.parts import placed_writes
from airflow_savemasks.engine.parts.endings import MOST, Endings
from airflow_savemasks.engine.parts.placed_writes import PlacedWrites
from airflow_savemasks.engine.parts.receipts import Head, Receipt
from airflow_savemasks.engine.storage import files_to_be
from airflow_savemasks.engine.storage.base import Buffer
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.parts.test_growing import growing_of
from tests.engine.samples import WORK, make_project, run

FULL = OSError(errno.ENOSPC, "No space left on device")


class Memory:
    """Takes bytes at places once `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.content = bytearray(100)
        self.fail: set[int] = set()

    def write_at(self, pieces: Sequence[Buffer], offset: int) -> None:
        self.gate.wait(10)
        if offset in self.fail:
            raise StorageError("there", "is full", "Free some space")
        data = b"".join(pieces)
        self.content[offset : offset + len(data)] = data


def test_bytes_come_to_their_places_and_whoever_waits_for_that_is_told() -> None:
    memory, told = Memory(), []
    with PlacedWrites() as writes:
        writes.put(memory, [b"cd", memoryview(b"ef")], 2, 4, lambda: told.append(2))
        call = writes.put(memory, [b"ab"], 0, 2, None)
        assert not told
        memory.gate.set()
        call.result(10)
    assert memory.content[:7] == b"abcdef\0"
    assert told == [2]


def test_no_more_than_there_is_room_for_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed_writes, "ROOM", 10)
    memory = Memory()
    with PlacedWrites() as writes:
        for number in range(2):
            writes.put(memory, [b"12345"], 5 * number, 5, None)
        third = threading.Thread(target=writes.put, args=(memory, [b"x"], 10, 1, None), daemon=True)
        third.start()
        third.join(0.1)
        assert third.is_alive()
        memory.gate.set()
        third.join(10)
        assert not third.is_alive()
        writes.put(memory, [b"y" * 20], 20, 20, None)  # larger than all room: alone
    assert memory.content[:11] == b"1234512345x"
    assert memory.content[20:40] == b"y" * 20


def test_a_write_that_failed_is_told_with_the_next_one_and_its_room_comes_free() -> None:
    memory, freed = Memory(), []
    memory.gate.set()
    memory.fail = {0}
    with PlacedWrites() as writes:
        call = writes.put(memory, [b"a"], 0, 1, lambda: freed.append(0))
        assert isinstance(call.exception(10), StorageError)
        assert freed == [0]
        with pytest.raises(StorageError, match="is full"):
            writes.put(memory, [b"b"], 1, 1, None)


def test_after_a_stop_nothing_is_begun_any_more_and_after_an_error_all_is_written() -> None:
    for error, written in ((Stopped(), 4), (KeyError(), 9)):
        memory = Memory()
        with pytest.raises(type(error)), PlacedWrites() as writes:
            for number in range(9):
                writes.put(memory, [b"1"], number, 1, None)
            threading.Timer(0.05, memory.gate.set).start()
            raise error
        assert memory.content.count(b"1") == written


def receipt(number: int, content: bytes = b"") -> Receipt:
    origin = Origin(0, "ds", "a.png")
    return Receipt(str(number), 0, "", 0, Head("", 0, 1, 0, origin, origin), content)


def test_receipts_are_held_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings_module, "HELD_BYTES", 25)
    with Endings(in_order=True) as endings:
        for number in range(4):
            endings.end(lambda number=number: receipt(number, b"x" * 10))
    assert [one.content is not None for one in endings.receipts] == [True, True, False, False]


@pytest.mark.parametrize("in_order", [True, False])
def test_parts_come_to_their_end_one_after_the_other_where_that_is_asked_for(in_order: bool) -> None:
    running, most, done = 0, 0, []
    lock = threading.Lock()

    def end(number: int) -> Receipt:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
            done.append(number)
        return receipt(number)

    with Endings(in_order=in_order) as endings:
        for number in range(2 * MOST):
            endings.end(lambda number=number: end(number))
        endings.end(None)
    assert [one.path for one in endings.receipts] == [str(number) for number in range(2 * MOST)]
    assert (done == sorted(done)) if in_order else most > 1
    assert most <= (1 if in_order else MOST)


@pytest.mark.parametrize(("in_order", "ended"), [(True, [0]), (False, [0, 2])])
def test_in_a_growing_archive_no_part_ends_after_one_that_failed(in_order: bool, ended: list[int]) -> None:
    done: list[int] = []
    second = threading.Event()

    def end(number: int) -> Receipt:
        if number == 1:
            second.wait(10)
            raise StorageError("there", "is full", "Free some space")
        if number == 2:
            second.set()
        done.append(number)
        return receipt(number)

    def all_of_them() -> None:
        with Endings(in_order=in_order) as endings:
            for number in range(3):
                endings.end(lambda number=number: end(number))
            second.set()

    with pytest.raises(StorageError, match="is full"):
        all_of_them()
    assert done == ended


def faulty_pwritev(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> list[int]:
    """Has every write at a place for which `fails` says so find a full disk; returns the places of all writes."""
    real = os.pwritev
    places: list[int] = []

    def pwritev(target: int, pieces: Iterable[Buffer], offset: int) -> int:
        places.append(offset)
        if fails(offset):
            raise FULL
        return real(target, pieces, offset)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "pwritev", pwritev)
    return places


def test_a_full_disk_while_places_are_written_says_so_and_leaves_the_growing_archive_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts in front of the one that failed are finished; the next try goes on behind them, in the same file."""
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 5)
    project = make_project(tmp_path / "p", items=60)
    wanted = Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()
    with monkeypatch.context() as patch:
        faulty_pwritev(patch, lambda offset: offset > len(wanted) // 2)
        with pytest.raises(StorageError, match=r"\.growing: No space left on device\. Free some space"):
            run(project, tmp_path / "out")
    growing = growing_of(tmp_path / "out")
    receipts = [path.read_bytes().partition(b"\n")[0] for path in (tmp_path / "out" / WORK).glob("*.receipt")]
    assert 20 <= 5 * len(receipts) <= 30
    size = growing.stat().st_size
    assert growing.read_bytes() == wanted[:size]
    monkeypatch.setattr(FolderStorage, "_copy", lambda *_: pytest.fail("copied"))
    result = run(project, tmp_path / "out")
    assert result["items"]["reused"] == 5 * len(receipts)
    assert Path(result["archive"]).read_bytes() == wanted


def test_a_full_disk_says_so_where_parts_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "p", items=40)
    places = faulty_pwritev(monkeypatch, lambda offset: True)
    with pytest.raises(StorageError, match=r"\.tar: No space left on device\. Free some space"):
        run(project, tmp_path / "out", volume_size=400_000)
    assert places
    left = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [name for name in left if not name.startswith("plan.")], left


def test_places_follow_each_other_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: dict[int, int] = {}
    real = files_to_be.write_at

    def noted(target: int, pieces: Sequence[Buffer], offset: int) -> int:
        ends[offset] = real(target, pieces, offset)
        return ends[offset]

    monkeypatch.setattr(files_to_be, "write_at", noted)
    run(make_project(tmp_path / "p", items=60), tmp_path / "out", workers=4)
    assert len(ends) > 2
    assert all(ends[first] == second for first, second in pairwise(sorted(ends)))
