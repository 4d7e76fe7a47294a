"""Items are rendered in their order, in groups and batches of bounded size, within a budget of pixels."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import pytest

from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Item, Loaded
from airflow_savemasks.engine.project.stored import StorageProject
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work.in_order import in_order
from airflow_savemasks.engine.work.loading import batches, load_ahead, load_items
from airflow_savemasks.engine.work.rendering import GROUP_BYTES, GROUP_ITEMS, _groups, render_all
from tests.engine.samples import LAYER, job_of, make_project


def planned(size: int, dataset: str = "ds0", name: str = "a.png", **more: object) -> Planned:
    item = Item(dataset, name, f"{dataset}/img/{name}", None, "1", "", size, **more)  # type: ignore[arg-type]
    return Planned(0, dataset, name, item)


def sizes(groups: Iterator[list[tuple[Planned, Loaded | None]]]) -> list[list[int]]:
    return [[planned.item.size for planned, _ in group] for group in groups]


@pytest.mark.parametrize(
    ("given", "grouped"),
    [
        ([], []),
        ([5], [[5]]),
        ([1] * GROUP_ITEMS, [[1] * GROUP_ITEMS]),
        ([1] * (2 * GROUP_ITEMS + 1), [[1] * GROUP_ITEMS, [1] * GROUP_ITEMS, [1]]),
        ([GROUP_BYTES - 1, 1, 1], [[GROUP_BYTES - 1, 1], [1]]),
        ([GROUP_BYTES, 1, 2], [[GROUP_BYTES], [1, 2]]),
        ([GROUP_BYTES + 1, GROUP_BYTES + 2], [[GROUP_BYTES + 1], [GROUP_BYTES + 2]]),
        ([1, GROUP_BYTES, GROUP_BYTES - 2, 2, 1], [[1], [GROUP_BYTES], [GROUP_BYTES - 2, 2], [1]]),
    ],
)
def test_small_pictures_go_together_and_large_ones_alone(given: list[int], grouped: list[list[int]]) -> None:
    assert sizes(_groups((planned(size), None) for size in given)) == grouped
    assert (GROUP_ITEMS, GROUP_BYTES) == (16, 1 << 20)


@pytest.mark.parametrize(
    ("given", "batched"),
    [
        ([], []),
        ([1, 1, 1], [[1, 1, 1]]),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
        ([50, 50, 1], [[50, 50], [1]]),
        ([50, 51], [[50], [51]]),
        ([500, 1, 99, 1], [[500], [1, 99], [1]]),
    ],
)
def test_a_source_is_asked_for_as_much_as_it_likes(tmp_path: Path, given: list[int], batched: list[list[int]]) -> None:
    job = job_of(make_project(tmp_path, items=1))
    source = job.inputs[0].source
    source.batch, source.batch_bytes = 3, 100
    assert [[one.item.size for one in batch] for batch in batches(job, map(planned, given))] == batched


def test_a_batch_is_of_one_dataset(tmp_path: Path) -> None:
    job = job_of(make_project(tmp_path, items=1))
    job.inputs[0].source.batch, job.inputs[0].source.batch_bytes = 3, 100
    items = [planned(1, "a"), planned(1, "a"), planned(1, "b"), planned(1, "a")]
    assert [[one.item.dataset for one in batch] for batch in batches(job, items)] == [["a", "a"], ["b"], ["a"]]


def test_what_is_too_large_or_bad_as_listed_is_not_read(tmp_path: Path) -> None:
    project = make_project(tmp_path, items=1)
    job = job_of(project, limits={"picture_bytes": 10_000, "annotation_bytes": 50})
    name = "0000.png"
    (real,) = (item for item in list_items(job, Remarks()) if item.name == name)
    batch = [
        planned(10_001),
        planned(1, problem="no picture but a pipe"),
        real,
        planned(1, annotation_size=51),
        planned(10_000, annotation_size=50),
    ]
    job_of_large = job_of(project, limits={"picture_bytes": 10_000, "annotation_bytes": real.item.annotation_size})
    found = load_items(job, batch)
    assert [loaded.refused for loaded in found] == [True, True, True, True, False]
    assert "10,001 bytes of a picture's file" in str(found[0].error)
    assert "no picture but a pipe. Mend it at the source" in str(found[1].error)
    assert "51 bytes of an annotation's file" in str(found[3].error)
    assert "was listed and is gone" in str(found[4].error)  # it was asked for
    (loaded,) = load_items(job_of_large, [real])
    assert loaded.picture == (project / "ds0/img" / name).read_bytes()
    assert load_items(job, batch[:2])[0].refused


def test_results_come_in_order_and_no_more_are_begun_than_the_window() -> None:
    begun: list[int] = []
    given: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        assert number - len(given) < 4
        time.sleep(0.002 * (number % 3))
        return number * number

    for result in in_order(work, range(20), 3, 4, threading.Event()):
        given.append(result)
        time.sleep(0.004)
        assert len(begun) <= len(given) + 3
    assert given == [number * number for number in range(20)]
    assert list(in_order(work, [], 3, 4, threading.Event())) == []


def test_a_stop_or_an_error_ends_the_threads_and_lets_go_who_waits() -> None:
    stop = threading.Event()
    freed: list[int] = []
    results = in_order(lambda number: number, range(9), 2, 3, stop, lambda: freed.append(1))
    assert next(results) == 0
    stop.set()
    with pytest.raises(Stopped):
        next(results)
    assert freed == [1]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, range(9), 2, 3, threading.Event()))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("savemasks")]


def job_with(project: Path, connections: int, batch: int, batch_bytes: int) -> Job:
    source = StorageProject(open_storage(str(project)), connections=connections)
    source.batch, source.batch_bytes = batch, batch_bytes
    return open_job(parse_layer(LAYER), {"$data_1": source}, Options(workers=2))


def rendered(job: Job, items: Iterable[Planned]) -> Generator[Rendered, None, None]:
    with closing(render_all(job, load_ahead(job, items, threading.Event()), threading.Event())) as groups:
        for group in groups:
            yield from group.items
            group.written()


def told(results: Iterator[Rendered]) -> list[tuple[str, bytes, str]]:
    return [(one.item.rpartition("/")[2], b"".join(one.pieces), str(one.error)) for one in results]


@pytest.mark.parametrize(("connections", "batch"), [(1, 1), (2, 3), (5, 100)])
def test_a_source_behind_a_network_gives_the_same_as_a_folder(tmp_path: Path, connections: int, batch: int) -> None:
    project = make_project(tmp_path, items=9)
    (project / "ds0/img/0004.png").write_bytes(b"no picture")
    make_project(project, items=1, dataset="ds1")
    here = job_with(project, 0, 1, 0)
    items = list(list_items(here, Remarks()))
    wanted = told(rendered(here, items))
    assert [name for name, *_ in wanted] == [item.name for item in items]
    assert "0004.png" in wanted[4][2]
    remote = job_with(project, connections, batch, 1 << 20)
    assert told(rendered(remote, items)) == wanted


def test_opencv_has_one_thread_while_groups_have_their_own_and_its_own_afterwards(tmp_path: Path) -> None:
    cv2.setNumThreads(-1)
    before = cv2.getNumThreads()
    job = job_of(make_project(tmp_path, items=40), workers=1)
    results = rendered(job, list_items(job, Remarks()))
    next(results)
    assert cv2.getNumThreads() == 1
    results.close()
    assert cv2.getNumThreads() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("savemasks")]
