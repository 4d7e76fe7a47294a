"""The index of an archive, wherever it lies, line by line as it was written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.archive.published import look_at
from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.reading import index_file
from airflow_savemasks.engine.reading.index_file import IndexFile
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import make_project, run
from tests.tools.many import multiply

PIECE = 1000  # bytes: no line ends where a piece does


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run(make_project(tmp_path / "project", items=7), tmp_path / "out")
    return tmp_path / "out"


class Far(FolderStorage):
    """A folder behind a network whose first answers come last. most: reads that were on their way at once."""

    remote = True
    now = most = 0

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        with LOCK:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.03 if offset % (2 * PIECE) == 0 else 0.01)
        yield from super().stream(path, offset, size, known)
        with LOCK:
            self.now -= 1


LOCK = threading.Lock()


def index_of(storage: FolderStorage) -> IndexFile:
    published = look_at(storage, "export").usable
    assert published is not None
    return IndexFile(storage, published)


def test_behind_a_network_pieces_are_read_at_once_and_stand_in_their_order(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "PIECE", PIECE)
    near, far = FolderStorage(out), Far(out)
    multiply(near, "export", 40)
    raw = [line["item"] for line in index_of(far).raw()]
    assert raw == [f"ds0/{number:06}.png" for number in range(40)] == [one["item"] for one in index_of(near).raw()]
    assert 1 < far.most <= index_file.AHEAD


def test_a_piece_that_cannot_be_read_is_an_error(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "PIECE", PIECE)
    far = Far(out)
    published = look_at(far, "export").usable
    assert published is not None
    index = out / "export.index.jsonl"
    index.write_bytes(index.read_bytes()[:-1500])
    with pytest.raises(SaveMasksError):
        IndexFile(far, published)


def test_a_hundred_thousand_items_are_open_within_a_second(out: Path) -> None:
    multiply(FolderStorage(out), "export", 100_000)
    began = time.thread_time()
    archive = open_archive(str(out / "export.tar"))
    assert time.thread_time() - began < 1
    assert (len(archive), archive[99_999].name) == (100_000, "ds3/099999.png")
