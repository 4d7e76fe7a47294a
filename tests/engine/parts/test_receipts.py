"""Where finished parts lie, and which receipts are believed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.bad_items import BadItem, Skipped
from airflow_savemasks.engine.archive.index import Origin, line_at, rest_of_line
from airflow_savemasks.engine.archive.members import pack
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts import receipts as parts
from airflow_savemasks.engine.parts.growing import open_growing, with_head_in_place
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, job_of, make_project

SETTINGS = "5" * 8  # with which names begin
GROWING, OTHER = f"{WORK}/{SETTINGS}{'a' * 24}.growing", f"{WORK}/{SETTINGS}{'b' * 24}.growing"
OWN = f"{WORK}/{SETTINGS}{'c' * 24}.tar"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(make_project(tmp_path / "project", items=3))


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "out")


def put(storage: FolderStorage, path: str, content: bytes) -> None:
    with storage.writing(path) as out:
        out.write(content)


def item(number: int, offset: int = 0) -> tuple[bytes, bytes]:
    """The bytes of an item, and its line."""
    pieces, members = pack([("img", f"ds0/img/{number}.png", [b"%d" % number * 100])])
    content = b"".join(pieces)
    origin = Origin(0, "ds0", f"{number}.png")
    rest = rest_of_line(len(content), f"ds0/{number}.png", f"{number:040x}", origin, (1, 1), 0, members, {}, {})
    return content, line_at(0, offset, rest)


SIZE = len(item(0)[0])


def receipt(storage: FolderStorage, number: int, path: str, offset: int) -> parts.Receipt:
    """The receipt of a part of one item that lies at a place."""
    origin = Origin(0, "ds0", f"{number}.png")
    head = parts.Head(path.rpartition("/")[2], offset + SIZE, 1, 0, origin, origin)
    return parts.write_receipt(storage, "export", head, [item(number, offset)[1]])


def plan(items: int, *found: parts.Receipt) -> Plan:
    """Of so many items, those of some receipts finished."""
    found_in = tuple(path for one in found for path in (one.path, one.file))
    return Plan("export", "p" * 32, "d", SETTINGS * 8, items, items - len(found), 0, 0, 0, found_in, ())


def opened(job: Job, storage: FolderStorage, plan: Plan) -> tuple[str, int] | None:
    """Path and end of the growing archive that is opened, None where there is none."""
    with open_growing(job, storage, plan) as growing:
        return None if growing is None else (growing.path, growing.end)


def test_a_new_growing_archive_begins_with_the_head_of_the_archive(job: Job, storage: FolderStorage) -> None:
    found = opened(job, storage, plan(3))
    assert found is not None
    path, end = found
    assert storage.read(path) == head_of(job)
    assert end == len(head_of(job))
    assert opened(job_of(job.inputs[0].source.uri, volume_size=10_000_000), storage, plan(3)) is None


def test_a_growing_archive_goes_on_where_its_last_part_ends(job: Job, storage: FolderStorage) -> None:
    head = head_of(job)
    put(storage, GROWING, head + b"x" * 2 * SIZE + b"half a part")
    found = [receipt(storage, number, GROWING, len(head) + SIZE * number) for number in (0, 1)]
    assert opened(job, storage, plan(3, *found)) == (GROWING, len(head) + 2 * SIZE)
    assert storage.read(GROWING) == head + b"x" * 2 * SIZE


def test_a_growing_archive_is_not_gone_on_with_where_items_lie_elsewhere_too(job: Job, storage: FolderStorage) -> None:
    head = head_of(job)
    for path in (GROWING, OTHER):
        put(storage, path, head + b"x" * 4 * SIZE)
    put(storage, OWN, b"x" * SIZE)
    mine = [receipt(storage, number, GROWING, len(head) + SIZE * number) for number in (0, 1)]
    own_file = receipt(storage, 2, OWN, 0)
    in_other = receipt(storage, 3, OTHER, len(head))
    assert opened(job, storage, plan(5, *mine, own_file)) is None
    assert opened(job, storage, plan(5, own_file)) is None
    assert opened(job, storage, plan(5, *mine, in_other)) is None
    assert opened(job, storage, plan(5, mine[0])) is None  # what another receipt names is kept for other tries
    from_archive = Plan("export", "p" * 32, "d", "s", 5, 2, 0, 0, 0, (mine[0].path, mine[1].path), ())
    assert opened(job, storage, from_archive) is None, "a third one lies in the old archive"
    assert opened(job, storage, plan(5, *mine)) == (GROWING, len(head) + 2 * SIZE)
    assert storage.read(OTHER) == head + b"x" * 4 * SIZE


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 5000])
def test_a_growing_archive_that_does_not_begin_like_the_archive_is_left_alone(
    job: Job, storage: FolderStorage, content: bytes
) -> None:
    put(storage, GROWING, content)
    assert opened(job, storage, plan(3, receipt(storage, 0, GROWING, len(head_of(job))))) is None
    assert storage.read(GROWING) == content
    storage.delete([GROWING])
    assert opened(job, storage, plan(3, receipt(storage, 0, GROWING, len(head_of(job))))) is None


def test_growing_archives_that_no_receipt_names_make_way_for_a_new_one(job: Job, storage: FolderStorage) -> None:
    for path in (GROWING, OTHER, OWN):
        put(storage, path, b"x" * 5000)
    receipt(storage, 0, OTHER, 0)
    assert opened(job, storage, plan(3)) is not None
    assert storage.stat(GROWING) is None
    assert storage.stat(OTHER) is not None
    assert storage.stat(OWN) is not None


def test_the_head_is_taken_from_where_it_stands_if_the_first_item_follows_it(storage: FolderStorage) -> None:
    head = b"the head"
    put(storage, GROWING, head + b"x" * 200)
    put(storage, OTHER, b"another!" + b"x" * 200)
    put(storage, f"{WORK}/part.tar", head + b"x" * 200)
    leads = {f"{WORK}/leads.tar": hashlib.sha256(head).hexdigest(), f"{WORK}/part.tar": hashlib.sha256(b"").hexdigest()}
    leading = Range(f"{WORK}/leads.tar", len(head), 100)
    first = Range(GROWING, len(head), 100)
    more = Range(GROWING, len(head) + 100, 100)
    assert with_head_in_place(storage, [head, first, more], leads) == [Range(GROWING, 0, len(head) + 100), more]
    assert with_head_in_place(storage, [head, leading, b"end"], leads) == [
        Range(leading.path, 0, len(head) + 100),
        b"end",
    ]
    for pieces in (
        [head],
        [head, more, first],
        [head, Range(leading.path, len(head) + 1, 100)],
        [head, Range(OTHER, len(head), 100)],
        [head, Range(f"{WORK}/part.tar", len(head), 100)],
        [head, b"bytes", first],
        [head, Range(f"{WORK}/none.growing", len(head), 1)],
    ):
        assert with_head_in_place(storage, pieces, leads) == pieces


def found_in(storage: FolderStorage) -> list[str]:
    """Names of the first items of the finished parts."""
    return [
        receipt.head.first.name for receipt in parts.find_receipts(storage, "export", work_files(storage, "export"))
    ]


def test_a_receipt_counts_where_its_part_lies_as_long_as_it_says(storage: FolderStorage) -> None:
    put(storage, GROWING, b"x" * 5 * SIZE)
    for number, offset in enumerate((0, 4 * SIZE - 1, 4 * SIZE, 4 * SIZE + 1, 5 * SIZE)):
        receipt(storage, number, GROWING, offset)
    receipt(storage, 5, OTHER, 0)
    put(storage, OWN, b"x" * SIZE)
    receipt(storage, 6, OWN, 0)
    assert found_in(storage) == ["0.png", "1.png", "2.png", "6.png"]


def test_receipts_of_another_machine_are_believed_only_for_the_very_bytes(storage: FolderStorage) -> None:
    put(storage, GROWING, item(0)[0] + b"x" + item(1)[0] + item(2)[0])
    storage.boot_id = "before"
    receipt(storage, 0, GROWING, 0)
    receipt(storage, 1, GROWING, SIZE + 1)
    receipt(storage, 2, GROWING, SIZE + 1)
    receipt(storage, 3, GROWING, 2 * SIZE + 2)
    receipt(storage, 4, OTHER, 0)
    put(storage, f"{WORK}/{'d' * 32}.before.receipt", b"no receipt")
    storage.boot_id = "now"
    assert found_in(storage) == ["0.png", "1.png"]
    (storage.root / GROWING).write_bytes(bytes(5 * SIZE))
    assert found_in(storage) == ["0.png", "1.png"]  # they were looked at once, and have receipts of this machine now


def test_a_receipt_tells_what_is_in_its_part_and_what_was_left_out(storage: FolderStorage) -> None:
    put(storage, OWN, item(1)[0])
    bad = Skipped("f" * 40, Origin(0, "ds0", "0.png"), BadItem("ds0/0.png", "here", "broken", "mend it"), unread=True)
    first, last = Origin(0, "ds0", "0.png"), Origin(0, "ds0", "1.png")
    head = parts.Head(OWN.rpartition("/")[2], SIZE, 1, 1, first, last)
    parts.write_receipt(storage, "export", head, [parts.skipped_line(bad), item(1)[1]])
    (found,) = parts.find_receipts(storage, "export", work_files(storage, "export"))
    told, line = parts.lines_of(storage, found)
    assert found.head == head
    assert parts.parse_skipped(told) == bad
    assert line == item(1)[1]


def test_names_of_any_length_fit_into_the_first_line_of_a_receipt(storage: FolderStorage) -> None:
    put(storage, OWN, item(1)[0])
    long = Origin(0, "/".join(["я" * 100] * 64), "x" * 70_000)
    head = parts.Head(OWN.rpartition("/")[2], SIZE, 1, 0, long, long)
    parts.write_receipt(storage, "export", head, [item(1)[1]])
    (found,) = parts.find_receipts(storage, "export", work_files(storage, "export"))
    assert found.head == head
    assert list(parts.lines_of(storage, found)) == [item(1)[1]]


@pytest.mark.parametrize(
    ("name", "words"),
    [("export", "export"), ("a/b c", "a_b c"), ("фрукты и 1", "_ _ 1"), ("x" * 99, "x" * 40), ("../..", ".._..")],
)
def test_a_work_folder_can_be_read_and_is_one_of_its_archive_alone(name: str, words: str) -> None:
    folder = parts.folder_of(name)
    assert folder == f".parts/{words}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    assert folder.count("/") == 1
