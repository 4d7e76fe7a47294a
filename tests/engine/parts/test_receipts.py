"""Where finished parts lie: which growing archive goes on, what of it is published, and which receipts are believed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from airflow_savemasks.engine.archive.summary import Summary

from airflow_savemasks.engine.archive.bad_items import BadItem
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts import receipts as parts
from airflow_savemasks.engine.parts.growing import head_of, open_growing, with_growing_head
from airflow_savemasks.engine.parts.plan import Plan, Planned
from airflow_savemasks.engine.parts.planning import make_plan
from airflow_savemasks.engine.parts.receipts import COMPLETE, WITH_SKIPPED, WITH_UNREAD, find_receipts
from airflow_savemasks.engine.parts.writing import PartWriter
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, job_of, make_project

DIGESTS = [f"{number:040x}" for number in range(9)]
GROWING, OTHER = f"{WORK}/{'a' * 32}.growing", f"{WORK}/{'b' * 32}.growing"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(make_project(tmp_path / "project", items=3))


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "out")


@pytest.fixture
def plan(job: Job, storage: FolderStorage) -> Plan:
    return make_plan(job, storage)


def put(storage: FolderStorage, path: str, content: bytes) -> None:
    with storage.writing(path) as out:
        out.write(content)


def receipt(storage: FolderStorage, number: int, path: str, offset: int, size: int = 100, **more: Any) -> str:
    """The receipt of a part that lies at a place; its path."""
    summary = Summary(DIGESTS[number], size=size, **more)
    parts.write_receipt(storage, "export", summary, [b'{"a line": 1}\n'], Range(path, offset, size))
    ending = WITH_UNREAD if summary.unread else WITH_SKIPPED if summary.skipped else COMPLETE
    return f"{WORK}/{DIGESTS[number]}.{storage.boot_id}{ending}"


def opened(job: Job, storage: FolderStorage, plan: Plan, *receipts: str | None) -> tuple[str, int] | None:
    """Path and end of the growing archive that is opened, None where there is none."""
    with open_growing(job, storage, plan, dict(zip(DIGESTS, receipts, strict=False))) as growing:
        return None if growing is None else (growing.path, growing.end)


def test_a_new_growing_archive_begins_with_the_head_of_the_archive(
    job: Job, storage: FolderStorage, plan: Plan
) -> None:
    found = opened(job, storage, plan)
    assert found is not None
    path, end = found
    assert storage.read(path) == head_of(job)
    assert end == len(head_of(job))
    assert opened(job_of(job.inputs[0].source.uri, volume_size=10_000_000), storage, plan) is None


def test_a_growing_archive_goes_on_where_its_last_part_ends(job: Job, storage: FolderStorage, plan: Plan) -> None:
    head = head_of(job)
    put(storage, GROWING, head + b"x" * 200 + b"half a part")
    receipts = [receipt(storage, number, GROWING, len(head) + 100 * number) for number in (0, 1)]
    assert opened(job, storage, plan, *receipts) == (GROWING, len(head) + 200)
    assert storage.read(GROWING) == head + b"x" * 200
    assert opened(job, storage, plan, *reversed(receipts)) == (GROWING, len(head) + 200)


def test_a_growing_archive_is_not_gone_on_with_where_parts_lie_elsewhere_too(
    job: Job, storage: FolderStorage, plan: Plan
) -> None:
    head = head_of(job)
    for path in (GROWING, OTHER):
        put(storage, path, head + b"x" * 400)
    put(storage, f"{WORK}/{DIGESTS[2]}.tar", b"x" * 100)
    mine = [receipt(storage, number, GROWING, len(head) + 100 * number) for number in (0, 1)]
    own_file = receipt(storage, 2, f"{WORK}/{DIGESTS[2]}.tar", 0)
    assert opened(job, storage, plan, *mine, own_file) is None
    assert opened(job, storage, plan, own_file, *mine) is None
    assert opened(job, storage, plan, own_file) is None
    assert opened(job, storage, plan, *mine, None) is None
    assert opened(job, storage, plan, None, *mine) is None
    assert opened(job, storage, plan, mine[0]) is None  # what another receipt names is kept for other tries
    in_other = receipt(storage, 3, OTHER, len(head))
    assert opened(job, storage, plan, *mine, in_other) is None
    assert opened(job, storage, plan, *mine) == (GROWING, len(head) + 200)
    assert storage.read(OTHER) == head + b"x" * 400


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 5000])
def test_a_growing_archive_that_does_not_begin_like_the_archive_is_left_alone(
    job: Job, storage: FolderStorage, plan: Plan, content: bytes
) -> None:
    put(storage, GROWING, content)
    assert opened(job, storage, plan, receipt(storage, 0, GROWING, len(head_of(job)))) is None
    assert storage.read(GROWING) == content
    storage.delete([GROWING])
    assert opened(job, storage, plan, receipt(storage, 0, GROWING, len(head_of(job)))) is None


def test_growing_archives_that_no_receipt_names_make_way_for_a_new_one(
    job: Job, storage: FolderStorage, plan: Plan
) -> None:
    for path in (GROWING, OTHER, f"{WORK}/{DIGESTS[5]}.tar"):
        put(storage, path, b"x" * 500)
    receipt(storage, 0, OTHER, 0)
    assert opened(job, storage, plan) is not None
    assert storage.stat(GROWING) is None
    assert storage.stat(OTHER) is not None
    assert storage.stat(f"{WORK}/{DIGESTS[5]}.tar") is not None


def test_the_head_is_taken_from_the_growing_archive_where_the_first_part_follows_it(storage: FolderStorage) -> None:
    head = b"the head"
    put(storage, GROWING, head + b"x" * 200)
    put(storage, OTHER, b"another!" + b"x" * 200)
    put(storage, f"{WORK}/part.tar", head + b"x" * 200)
    first = Range(GROWING, len(head), 100)
    more = Range(GROWING, len(head) + 100, 100)
    assert with_growing_head(storage, [head, first, more]) == [Range(GROWING, 0, len(head)), first, more]
    for pieces in (
        [head],
        [head, more, first],
        [head, Range(OTHER, len(head), 100)],
        [head, Range(f"{WORK}/part.tar", len(head), 100)],
        [head, b"bytes", first],
        [head, Range(f"{WORK}/none.growing", len(head), 1)],
    ):
        assert with_growing_head(storage, pieces) == pieces


def found_in(storage: FolderStorage, *endings: str) -> list[int]:
    """Numbers of the finished parts."""
    found = find_receipts(storage, "export", endings or [COMPLETE])
    assert all(path.startswith(f"{WORK}/{digest}.{storage.boot_id}.") for digest, path in found.items())
    return sorted(DIGESTS.index(digest) for digest in found)


def test_a_receipt_counts_where_its_part_lies_as_long_as_it_says(storage: FolderStorage) -> None:
    put(storage, GROWING, b"x" * 500)
    for number, offset in enumerate((0, 399, 400, 401, 500)):
        receipt(storage, number, GROWING, offset)
    receipt(storage, 5, OTHER, 0)
    put(storage, f"{WORK}/{DIGESTS[6]}.tar", b"x" * 100)
    receipt(storage, 6, f"{WORK}/{DIGESTS[6]}.tar", 0)
    assert found_in(storage) == [0, 1, 2, 6]


def test_receipts_of_another_machine_are_believed_only_for_the_very_bytes(storage: FolderStorage) -> None:
    content = bytes(range(250)) * 2
    put(storage, GROWING, content)
    sums = [hashlib.sha256(content[offset : offset + 100]).hexdigest() for offset in (0, 7, 400)]
    storage.boot_id = "before"
    receipt(storage, 0, GROWING, 0, sha256=sums[0])
    receipt(storage, 1, GROWING, 7, sha256=sums[1])
    receipt(storage, 2, GROWING, 8, sha256=sums[1])
    receipt(storage, 3, GROWING, 401, sha256=sums[2])
    receipt(storage, 4, OTHER, 0, sha256=sums[0])
    put(storage, f"{WORK}/{DIGESTS[5]}.tar", content[:99])
    receipt(storage, 5, f"{WORK}/{DIGESTS[5]}.tar", 0, sha256=sums[0])
    put(storage, f"{WORK}/{DIGESTS[6]}.before{COMPLETE}", b"no receipt")
    storage.boot_id = "now"
    assert found_in(storage) == [0, 1]
    (storage.root / GROWING).write_bytes(bytes(500))
    assert found_in(storage) == [0, 1]  # they were looked at once, and have receipts of this machine now
    assert parts.read_receipt(storage, f"{WORK}/{DIGESTS[1]}.now{COMPLETE}").lines == b'{"a line": 1}\n'


def test_receipts_tell_by_their_names_what_was_left_out(storage: FolderStorage) -> None:
    put(storage, GROWING, b"x" * 500)
    bad = BadItem("ds0/a.png", "here", "broken", "mend it")
    receipt(storage, 0, GROWING, 0)
    receipt(storage, 1, GROWING, 0, skipped=[bad])
    receipt(storage, 2, GROWING, 0, skipped=[bad], unread=1)
    assert found_in(storage, COMPLETE) == [0]
    assert found_in(storage, WITH_SKIPPED) == [1]
    assert found_in(storage, COMPLETE, WITH_SKIPPED, WITH_UNREAD) == [0, 1, 2]
    assert len(parts.places(storage, "export")) == 3
    put(storage, f"{WORK}/{DIGESTS[0]}.{storage.boot_id}{COMPLETE}", b"no receipt")
    assert len(parts.places(storage, "export")) == 2


def test_a_part_sums_up_what_is_in_it(tmp_path: Path) -> None:
    item = Planned(0, "ds0", "a.png", Item("ds0", "a.png", "", None, "", "", 0))
    with (tmp_path / "part").open("wb") as out:
        writer = PartWriter(out, DIGESTS[1])
        writer.add(Rendered(item, [b"12345", b"678"], [], 3, 4, 2, {"a": 5, "b": 1}, {"mask_9d": 2}))
        writer.add(Rendered(item, [b"9"], [], 3, 4, 1, {"a": 7}, {"mask_9d": 1, "other": 1}))
        writer.close()
    assert (tmp_path / "part").read_bytes() == b"123456789"
    assert writer.summary == Summary(
        DIGESTS[1],
        size=9,
        sha256=hashlib.sha256(b"123456789").hexdigest(),
        items=2,
        labels=3,
        pixels={"a": 12, "b": 1},
        labelled={"a": 2, "b": 1},
        undrawn={"mask_9d": 3, "other": 1},
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("export", "export"), ("a/b c", "a_b c"), ("фрукты и 1", "_ _ 1"), ("x" * 99, "x" * 40), ("../..", ".._..")],
)
def test_a_work_folder_can_be_read_and_is_one_of_its_archive_alone(name: str, words: str) -> None:
    folder = parts.folder_of(name)
    assert folder == f".parts/{words}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    assert folder.count("/") == 1
