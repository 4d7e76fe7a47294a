"""Worker processes render what threads would, to the byte, and neither outlive an export nor leave it waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import BadItemsError, Stopped, StorageError, WorkerDied
from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.job import Job, hand_over, take_over
from airflow_savemasks.engine.opening import open_folder, open_project
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.stored import StorageProject
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work import processes, rendering, ways
from airflow_savemasks.engine.work.loading import load_items
from airflow_savemasks.engine.work.processes import Worker, Workers, start_workers
from airflow_savemasks.engine.work.ways import SMALL, Amount, processes_for
from tests.engine.samples import job_of, make_project, run

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="threads render where there is no memfd")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """100 items, of which some are bad."""
    root = make_project(tmp_path / "p", items=90)
    make_project(root, items=10, dataset="ds1")
    return root


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """Has two processes render, whatever there is to render; those that were started."""
    started: list[Worker] = []

    class Noted(Worker):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(processes, "Worker", Noted)
    monkeypatch.setattr(ways, "processes_for", lambda *_, **__: 2)
    yield started
    assert all(is_gone(worker.pid) for worker in started)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_processes_and_threads_and_one_thread_make_the_same_archive(
    project: Path, tmp_path: Path, begun: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("0003.png", "0050.png"):
        (project / f"ds0/img/{name}").write_bytes(b"no picture")
    (project / "ds0/ann/0007.png.json").write_text("{")
    made: list[Any] = []
    for way in ("processes", "threads", "one thread"):
        if way == "threads":
            assert len(begun) == 2
            monkeypatch.undo()
        one = {"workers": 1} if way == "one thread" else {}
        result = run(project, tmp_path / way, on_bad_item="skip", **one)
        files = [(tmp_path / way / f"export.{ending}").read_bytes() for ending in ("tar", "index.jsonl")]
        made.append((files, result["skipped"], result["items"], result["warnings"]))
    assert made[0] == made[1] == made[2]
    assert len(made[0][1]) == 3


def test_parts_with_files_of_their_own_are_the_same_too(project: Path, tmp_path: Path, begun: list[Worker]) -> None:
    cut = run(project, tmp_path / "a", volume_size=400_000)
    assert len(begun) == 2
    ways_of_old = run(project, tmp_path / "b", volume_size=400_000, workers=1)
    assert len(cut["volumes"]) > 1
    for one, other in zip(cut["volumes"], ways_of_old["volumes"], strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_errors_of_items_come_back_as_they_are(project: Path, tmp_path: Path, begun: list[Worker]) -> None:
    (project / "ds0/img/0003.png").write_bytes(b"no picture")
    with pytest.raises(BadItemsError, match=r"p, ds0/0003\.png: "):
        run(project, tmp_path / "out")
    assert begun


def test_an_error_of_the_storage_ends_the_export_as_it_would_here(
    project: Path, tmp_path: Path, begun: list[Worker]
) -> None:
    job = job_of(project)
    job.inputs[0].source.again = Broken()
    with pytest.raises(StorageError, match="the disk is broken"):
        export(job, open_storage(str(tmp_path / "out")), threading.Event(), Progress())


class Broken:
    """Opens a source that breaks when it is read. Found by its name in the other process."""

    def __call__(self) -> Any:
        source = open_project("/")
        source.load = broken  # type: ignore[method-assign]
        return source


def broken(*_: object) -> list[Any]:
    raise StorageError("there", "the disk is broken", "Mend it")


class Remote:
    """Opens the project as if it lay behind a network."""

    def __init__(self, project: Path) -> None:
        self.project = project

    def __call__(self) -> Any:
        return StorageProject(open_storage(str(self.project)), connections=3)


def test_what_lies_behind_a_network_is_loaded_ahead_and_the_same(
    project: Path, tmp_path: Path, begun: list[Worker]
) -> None:
    (project / "ds0/img/0003.png").unlink()
    (project / "ds0/img/0003.png").write_bytes(b"no picture")
    job = job_of(project, on_bad_item="skip")
    job.inputs[0].source.again = Remote(project)
    export(job, open_storage(str(tmp_path / "a")), threading.Event(), Progress())
    assert len(begun) == 2
    run(project, tmp_path / "b", on_bad_item="skip", workers=1, reuse=False)
    assert (tmp_path / "a/export.tar").read_bytes() == (tmp_path / "b/export.tar").read_bytes()


class Stuck(Broken):
    """Opens a source that takes its time."""

    def __call__(self) -> Any:
        source = open_project("/")
        source.load = lambda *_: time.sleep(60)  # type: ignore[method-assign,assign,return-value]
        return source


class Unwilling(Broken):
    """Opens nothing."""

    def __call__(self) -> Any:
        raise KeyError("no connection")


class Deadly(Broken):
    """Opens a source whose process ends."""

    def __call__(self) -> Any:
        source = open_project("/")
        source.load = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign,assign,return-value]
        return source


def job_with(project: Path, again: Any) -> Job:
    job = job_of(project)
    job.inputs[0].source.again = again
    return job


def test_a_process_that_is_killed_is_an_error_that_names_it_and_its_items(
    project: Path, tmp_path: Path, begun: list[Worker]
) -> None:
    began = time.monotonic()
    with pytest.raises(WorkerDied) as raised:
        export(job_with(project, Deadly()), open_storage(str(tmp_path / "out")), threading.Event(), Progress())
    assert raised.value.where in {f"worker process {worker.pid}" for worker in begun}
    assert "was killed by SIGKILL while it had " in raised.value.problem
    assert "items, ds0/00" in raised.value.problem
    assert "workers=1" in raised.value.fix
    assert time.monotonic() - began < 10
    assert run(project, tmp_path / "out")["items"]["rendered"] == 100


def test_a_process_that_ends_by_itself_is_told_with_its_code(
    project: Path, begun: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHILD", "tests.engine.work.test_processes")
    workers = Workers([Worker()])
    try:
        with pytest.raises(processes.Ended):
            workers._workers[0].open(b"", 1, lambda: None)
        items = list(list_items(job_of(project), Remarks()))
        with pytest.raises(WorkerDied, match="ended with code 7 while it had 100 items, ds0/0000.png to ds1/0009.png"):
            workers.render(items, lambda: None)
    finally:
        workers.close()


def main(_: int) -> None:
    """What a process does in place of child.main."""
    os._exit(7)


def test_a_stop_waits_for_no_process(project: Path, tmp_path: Path, begun: list[Worker]) -> None:
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    with pytest.raises(Stopped):
        export(job_with(project, Stuck()), open_storage(str(tmp_path / "out")), stop, Progress())
    assert all(is_gone(worker.pid) for worker in begun)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("savemasks_")]


@pytest.mark.parametrize("again", [Unwilling(), None, lambda: None])
def test_where_a_source_cannot_be_opened_in_another_process_threads_render(
    project: Path, tmp_path: Path, begun: list[Worker], again: Any, caplog: pytest.LogCaptureFixture
) -> None:
    result = export(job_with(project, again), open_storage(str(tmp_path / "out")), threading.Event(), Progress())
    assert result["items"]["rendered"] == 100
    assert bool(begun) == isinstance(again, Unwilling)
    assert ("no worker processes, threads render instead" in caplog.text) == (again is not None)


def test_pictures_that_are_too_large_for_a_process_are_rendered_here(
    project: Path, tmp_path: Path, begun: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "PIXELS", 40 * 30 * 2 - 1)
    here: list[str] = []

    def noted(job: Job, batch: Any) -> Any:
        here.extend(planned.name for planned in batch)
        return load_items(job, batch)

    monkeypatch.setattr(rendering, "load_items", noted)
    result = run(project, tmp_path / "out")
    assert len(here) == 100
    assert begun
    monkeypatch.undo()
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "b")["archive"]).read_bytes()


def test_a_process_goes_with_the_export_that_started_it(project: Path, tmp_path: Path) -> None:
    """Killed as hard as can be, an export leaves nobody behind."""
    script = f"""
import sys, time
from airflow_savemasks.engine.work.processes import start_workers
from tests.engine.samples import job_of
workers = start_workers(job_of({str(project)!r}), 2, 1000, lambda: None)
print(*(worker.pid for worker in workers._workers), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = list(map(int, parent.stdout.readline().split()))
    assert len(pids) == 2
    for pid in pids:
        for number in (signal.SIGTERM, signal.SIGINT):  # they are for the export
            os.kill(pid, number)
    time.sleep(0.2)
    assert not any(map(is_gone, pids))
    parent.kill()
    parent.wait()
    until = time.monotonic() + 5
    while not all(map(is_gone, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert all(map(is_gone, pids))


def test_a_job_is_handed_over_with_its_sources_opened_once_each(project: Path) -> None:
    job = job_of(project)
    handed = hand_over(job)
    assert handed is not None
    taken = take_over(handed)
    assert taken.digest == job.digest
    assert taken.inputs[0].source.uri == job.inputs[0].source.uri
    assert taken.inputs[0].source.limits == job.options.limits
    below = open_folder(str(project.parent), "p", confined=True)
    assert below.again is not None
    assert below.again().uri == str(project)


@pytest.mark.parametrize(
    ("items", "size", "workers", "connections", "seconds", "wanted"),
    [
        (1429, SMALL, 2, 0, 0.5, 2),
        (1429, SMALL, 64, 0, 0.5, 3),
        (2858, 1, 64, 0, 0.5, 6),
        (1_000_000, 1, 64, 0, 0.5, 64),
        (1428, SMALL, 2, 0, 0.5, 0),
        (1429, SMALL + 1, 2, 0, 0.5, 0),
        (1_000_000, SMALL, 1, 0, 0.5, 0),
        (1500, SMALL, 8, 10, 1.5, 3),
        (1499, SMALL, 8, 10, 1.5, 0),
        (3999, SMALL, 8, 10, 4.0, 0),
        (4000, SMALL, 8, 10, 4.0, 3),
    ],
)
def test_many_small_pictures_are_for_processes(
    project: Path, items: int, size: int, workers: int, connections: int, seconds: float, wanted: int
) -> None:
    job = job_of(project, workers=workers)
    source = job.inputs[0].source
    source.connections, source.opening_seconds = connections, seconds
    assert processes_for(job, Amount(items, items * size)) == wanted
    source.again, source.opening_seconds = None, 0.0
    assert processes_for(job, Amount(items, items * size)) == 0


def test_no_process_is_started_where_there_is_no_memory_to_share(
    project: Path, begun: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError("not in this container")

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert start_workers(job_of(project), 2, 1000, lambda: None) is None
    monkeypatch.delattr(os, "memfd_create")
    assert start_workers(job_of(project), 2, 1000, lambda: None) is None
    assert not begun
