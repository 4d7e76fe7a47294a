"""One at a time publishes an archive, and knows when it is no longer the one."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import ArchiveError, Stopped, StorageError
from airflow_savemasks.engine.parts.seen import look
from airflow_savemasks.engine.publish import lease
from airflow_savemasks.engine.publish.lease import lease_path, publishing_alone, unless_published
from airflow_savemasks.engine.publish.processes import _look
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, add_item, make_project, run


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "out")


def of_others(storage: FolderStorage, age: float = 0.0, **changes: object) -> None:
    """A lease that a process of another machine holds."""
    process = {"host": "elsewhere", "pid": 7, "boot": "b", "space": "s", "began": "1", **changes}
    content = {"process": process, "token": "t", "since": "2026-01-01T00:00:00Z", "turn": 3}
    assert storage.write_if(lease_path("export"), json.dumps(content).encode(), None)
    then = time.time() - age
    os.utime(storage.root / lease_path("export"), (then, then))


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_it_is_given_back_whatever_ends_the_block(storage: FolderStorage) -> None:
    with publishing_alone(storage, "export", None) as held:
        held.check()
        assert list(storage.listdir(WORK).files) == ["lease.json"]
    with pytest.raises(KeyError), publishing_alone(storage, "export", None):
        raise KeyError
    stop = threading.Event()
    with pytest.raises(Stopped), publishing_alone(storage, "export", stop):
        stop.set()
        storage.stat("x")
    assert not (storage.root / WORK).exists()


def test_who_has_it_is_waited_for_and_named(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    of_others(storage)
    monkeypatch.setattr(lease, "WAIT", 0.2)
    named = "process 7 on elsewhere publishes this archive since 2026-01-01T00:00:00Z"
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(ArchiveError, match=f"lease.json: {named}. .* Run it again when that export has ended"),
        publishing_alone(storage, "export", None),
    ):
        pytest.fail("it is somebody else's")
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [f"{named}; waiting for it"]
    with unless_published(storage, "export", None) as alone:
        assert not alone
    storage.delete([lease_path("export")])
    with unless_published(storage, "export", None) as alone:
        assert alone
    assert not (storage.root / WORK).exists()


def test_a_stop_is_obeyed_while_it_is_waited_for(storage: FolderStorage) -> None:
    of_others(storage)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped), publishing_alone(storage, "export", stop):
        pytest.fail("it is somebody else's")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("content", [None, b"{}"])
def test_one_that_was_not_renewed_is_taken_over(storage: FolderStorage, content: bytes | None) -> None:
    of_others(storage, age=lease.TERM + 1)
    if content is not None:
        path = storage.root / lease_path("export")
        path.write_bytes(content)
        os.utime(path, (1, 1))
    with publishing_alone(storage, "export", None) as held:
        held.check()
    assert not (storage.root / WORK).exists()


def test_a_process_of_this_machine_that_is_gone_holds_nothing(storage: FolderStorage) -> None:
    own = lease.this_process()
    gone = {"host": own.host, "boot": own.boot, "space": own.space, "began": own.began}
    for changes, is_gone in (
        ({"pid": dead_process()}, True),
        ({"pid": own.pid, "began": "1"}, True),  # its number is another one's now
        ({"pid": os.getppid(), "began": _look(os.getppid())[1]}, False),
        ({"pid": own.pid}, True),  # it is not one of those that this process holds
        ({"pid": dead_process(), "space": "of a container"}, False),
        ({"pid": dead_process(), "boot": ""}, False),
        ({"pid": os.getppid(), "began": ""}, False),  # nothing says that its number is another one's
    ):
        of_others(storage, **{**gone, **changes})
        with unless_published(storage, "export", None) as alone:
            assert (alone is not None) == is_gone, changes
        storage.delete([lease_path("export")])


def test_it_is_renewed_while_it_is_held(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    with publishing_alone(storage, "export", None):
        first = storage.stat(lease_path("export"))
        time.sleep(0.3)
        assert storage.stat(lease_path("export")) != first
    assert not (storage.root / WORK).exists()


def test_a_renewal_that_fails_or_whose_answer_was_lost_is_done_once_more(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    write_if = FolderStorage.write_if
    calls: list[int] = []

    def lossy(self: FolderStorage, path: str, content: bytes, known: Entry | None) -> Entry | None:
        written = write_if(self, path, content, known)
        calls.append(1)
        if len(calls) == 1:
            raise StorageError("here", "no answer", "try again")
        return written

    with publishing_alone(storage, "export", None) as held:
        monkeypatch.setattr(FolderStorage, "write_if", lossy)
        time.sleep(0.4)
        held.check()
    assert len(calls) > 2
    assert not (storage.root / WORK).exists()


def test_who_lost_it_replaces_nothing_and_leaves_it(storage: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    with (
        pytest.raises(ArchiveError, match="was taken over by process 7 on elsewhere"),
        publishing_alone(storage, "export", None),
    ):
        storage.delete([lease_path("export")])
        of_others(storage)
        time.sleep(0.3)
        with storage.writing("export.tar") as out:
            out.write(b"x")
    assert list(storage.listdir(WORK).files) == ["lease.json"]
    assert storage.stat("export.tar") is None


def test_who_could_not_renew_it_knows_that_before_others_do(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(ArchiveError, match="could not be renewed for"),
        publishing_alone(storage, "export", None) as held,
    ):
        monkeypatch.setattr(lease, "TERM", lease.RENEWED)
        held.check()


def test_an_export_that_changes_nothing_leaves_the_work_of_who_publishes(tmp_path: Path) -> None:
    project, storage = make_project(tmp_path / "project", items=2), FolderStorage(tmp_path / "out")
    run(project, storage)
    with publishing_alone(FolderStorage(tmp_path / "out"), "export", None):
        with storage.writing(f"{WORK}/next.index.jsonl") as out:
            out.write(b"x")
        files = set(storage.listdir(WORK).files)
        with pytest.MonkeyPatch.context() as patch:
            seen = lambda job, team_files, _: (look(job, team_files), lambda: None)  # noqa: E731
            patch.setattr("airflow_savemasks.engine.planning.plans._begin", seen)
            assert run(project, storage)["unchanged"]
        assert set(storage.listdir(WORK).files) == files
    add_item(project, "0001.png", seed=9)
    run(project, storage)
    assert not (tmp_path / "out" / WORK).exists()


@pytest.mark.parametrize("lost", ["the answer to taking it", "the answer to giving it back", "giving it back"])
def test_a_holding_of_this_process_that_has_ended_holds_nothing(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Whatever became of its file: nobody waits for it."""
    monkeypatch.setattr(lease, "WAIT", 3.0)

    def fail(*words: Any) -> None:
        if lost == "the answer to taking it":
            FolderStorage.write_if(storage, *words)
        elif lost == "the answer to giving it back":
            FolderStorage.delete(storage, *words)
        raise StorageError("there", "the answer was lost", "Try again")

    def hold() -> None:
        with unless_published(storage, "export", None) as alone:
            assert alone

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_if" if lost == "the answer to taking it" else "delete", fail)
        if lost == "the answer to taking it":
            with pytest.raises(StorageError, match="the answer was lost"):
                hold()
        else:
            hold()
    assert (storage.stat(lease_path("export")) is None) == (lost == "the answer to giving it back")
    began = time.monotonic()
    with publishing_alone(storage, "export", None):
        assert time.monotonic() - began < 5
    assert not lease.HELD


def test_a_holding_of_this_process_that_goes_on_is_waited_for(storage: FolderStorage) -> None:
    with publishing_alone(storage, "export", None), unless_published(storage, "export", None) as alone:
        assert not alone
