"""Each option of masks, shares and layout on S3, by processes and in a group: the bytes of one thread in a folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.export import export, render_batch
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work import ways
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project, published
from tests.engine.samples import job_of, plan_of, run
from tests.storages.places import Place


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_full_project(tmp_path_factory.mktemp("more") / "project", items=9)


@pytest.fixture(scope="session")
def expected(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """What one thread writes into a folder."""
    known: dict[str, dict[str, bytes]] = {}

    def made(name: str) -> dict[str, bytes]:
        if name not in known:
            out = tmp_path_factory.mktemp("expected")
            run(project, out, COLORS, workers=1, **OPTIONS[name])
            known[name] = published(open_storage(str(out)))
        return known[name]

    return made


@pytest.fixture
def s3(make_place: Callable[[str], Place]) -> Storage:
    return make_place("s3").open()


@pytest.mark.parametrize("name", OPTIONS)
def test_on_s3_a_first_run_a_run_after_and_one_after_a_change(
    project: Path, s3: Storage, expected: Callable[[str], dict[str, bytes]], name: str
) -> None:
    result = run(project, s3, COLORS, **OPTIONS[name])
    assert published(s3) == expected(name)
    assert verify(s3, "export")["items"] == result["items"]["rendered"]
    assert run(project, s3, COLORS, **OPTIONS[name])["unchanged"]
    run(project, s3, COLORS, semantic=not OPTIONS[name].get("semantic", False))
    again = run(project, s3, COLORS, **OPTIONS[name])
    assert not again["unchanged"]
    assert published(s3) == expected(name), "no file of the other options is left"


@pytest.mark.parametrize("name", OPTIONS)
def test_worker_processes_and_batches_of_a_group(
    project: Path, tmp_path: Path, expected: Callable[[str], dict[str, bytes]], name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    storage = open_storage(str(tmp_path / "group"))
    job = job_of(project, COLORS, **OPTIONS[name])
    files = plan_of(job, storage)
    stop = threading.Event()
    rendered = sum(render_batch(job, storage, files, one, stop, Progress()).rendered for one in make_batches(files, 4))
    assemble(job, storage, files, Rendered(rendered))
    assert published(storage) == expected(name)
    started: list[int] = []
    monkeypatch.setattr(ways, "processes_for", lambda *_: started.append(2) or 2)
    run(project, tmp_path / "processes", COLORS, workers=2, **OPTIONS[name])
    assert started
    assert published(open_storage(str(tmp_path / "processes"))) == expected(name)


@pytest.mark.parametrize("name", ["everything in shards", "split in volumes"])
def test_in_every_storage(project: Path, place: Place, expected: Callable[[str], dict[str, bytes]], name: str) -> None:
    run(project, place.open(), COLORS, **OPTIONS[name])
    assert published(place.open()) == expected(name)
    assert not place.traces()


@pytest.mark.parametrize("pair", [("shards", "everything in shards"), ("split in volumes", "shards"), ("ids", "pick")])
def test_two_exports_at_once_with_different_options_leave_one_of_both_whole(
    project: Path, s3: Storage, expected: Callable[[str], dict[str, bytes]], pair: tuple[str, str]
) -> None:
    results: dict[str, Any] = {}

    def go(name: str) -> None:
        try:
            job = job_of(project, COLORS, **OPTIONS[name])
            results[name] = export(job, s3, threading.Event(), Progress())
        except Exception as error:
            results[name] = error

    threads = [threading.Thread(target=go, args=[name]) for name in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [name for name in pair if isinstance(results[name], dict)]
    assert done, results
    for name in set(pair) - set(done):  # who came first has removed the parts of the other
        assert isinstance(results[name], ArchiveError), results
        assert "items are missing" in str(results[name])
    assert published(s3) in [expected(name) for name in done]
    verify(s3, "export")
    run(project, s3, COLORS, **OPTIONS[pair[0]])
    assert published(s3) == expected(pair[0])
