"""Blocks of one file on their way at once: their order, errors of theirs, and a stop while a server is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from airflow_savemasks.engine.errors import Stopped, StorageError
from airflow_savemasks.engine.project.ahead import side_by_side
from airflow_savemasks.engine.storage.base import Range, Storage
from airflow_savemasks.engine.storage.in_flight import at_once
from tests.storages import places
from tests.storages.conftest import BLOCK
from tests.storages.places import Place
from tests.storages.proxy import Faults, faulty
from tests.storages.test_contract import NOISE, everything, put


@pytest.fixture(scope="module")
def proxy(s3_address: str) -> Iterator[tuple[str, Faults]]:
    with faulty(s3_address) as address_and_faults:
        yield address_and_faults


@pytest.fixture
def faults(proxy: tuple[str, Faults]) -> Iterator[Faults]:
    proxy[1].clear()
    yield proxy[1]
    proxy[1].clear()


@pytest.fixture
def s3(proxy: tuple[str, Faults], s3_address: str, faults: Faults) -> Place:
    return places.s3_place(proxy[0], s3_address)


def test_blocks_are_sent_at_once_and_stand_in_order(s3: Place, faults: Faults) -> None:
    storage = s3.open()
    faults.always["UploadPart"] = "slow"
    with storage.writing("x") as out:
        for at in range(0, len(NOISE), 1 << 20):
            out.write(NOISE[at : at + (1 << 20)])
    assert faults.most_at_once >= 3
    assert faults.seen == {"CreateMultipartUpload": 1, "UploadPart": 4, "CompleteMultipartUpload": 1}
    assert storage.read("x", out.entry) == NOISE


def test_small_neighbours_of_a_copied_range_are_read_at_once(s3: Place, faults: Faults) -> None:
    storage = s3.open()
    for number in range(6):
        put(storage, f"{number}", NOISE[number : number + 1000])
    put(storage, "big", NOISE)
    faults.clear()
    faults.always["GetObject"] = "slow"
    small = [Range(f"{number}", 0, 1000) for number in range(6)]
    storage.compose("x", [*small, Range("big", 0, len(NOISE))])
    assert faults.most_at_once >= 6
    assert storage.read("x") == b"".join(NOISE[number : number + 1000] for number in range(6)) + NOISE


def test_the_error_of_a_block_comes_at_the_next_write_or_at_the_end(s3: Place, faults: Faults) -> None:
    storage = s3.open()
    faults.always["UploadPart"] = "400"
    with pytest.raises(StorageError, match="InvalidRequest"), storage.writing("x") as out:
        out.write(NOISE[:BLOCK])
        for _ in range(200):
            time.sleep(0.05)
            out.write(b"x")
        pytest.fail("the error came at the end only")
    with pytest.raises(StorageError, match="InvalidRequest"), storage.writing("x") as out:
        out.write(NOISE[:BLOCK])
    faults.clear()
    assert everything(storage) == []
    assert s3.traces() == []


WORKS: dict[str, Callable[[Storage], object]] = {
    "UploadPart": lambda storage: put(storage, "x", NOISE),
    "CompleteMultipartUpload": lambda storage: put(storage, "x", NOISE),
    "PutObject": lambda storage: put(storage, "x", b"small"),
    "UploadPartCopy": lambda storage: storage.compose("x", [Range("big", 0, len(NOISE))]),
    "GetObject": lambda storage: storage.read("big"),
    "HeadObject": lambda storage: storage.stat("big"),
    "ListObjectsV2": lambda storage: storage.listdir(""),
    "ListMultipartUploads": lambda storage: storage.remove_abandoned("", ["big"]),
    "several at once": lambda storage: at_once(True, lambda: storage.stat("big"), lambda: storage.listdir("")),
    "listings ahead": lambda storage: next(side_by_side(storage.listdir, ["", "x"], remote=True)),
}


@pytest.mark.parametrize("kind", WORKS)
def test_a_stop_waits_for_no_silent_server(s3: Place, faults: Faults, kind: str) -> None:
    storage = s3.open()
    put(storage, "big", NOISE)
    faults.clear()
    faults.always |= dict.fromkeys((kind, "ListObjectsV2") if " " in kind else (kind,), "stall")
    stop = threading.Event()
    storage.watch(stop)
    at: list[float] = []
    timer = threading.Timer(1.0, lambda: (at.append(time.monotonic()), stop.set()))
    timer.start()
    with pytest.raises(Stopped):
        WORKS[kind](storage)
    assert time.monotonic() - at[0] < 1.0
    faults.clear()
    storage.watch(threading.Event())
    assert everything(storage) == ["big"]
