"""Where items go in an archive, and of which ranges it is put together."""

from __future__ import annotations

import json

import pytest

from airflow_savemasks.engine.archive.index import KnownItem
from airflow_savemasks.engine.parts.finished import Finished
from airflow_savemasks.engine.publish.layout import Layout
from airflow_savemasks.engine.storage.base import Range


def item(size: int, path: str = "x", offset: int = 0) -> Finished:
    """An item of so many bytes that lies at a place."""
    known = KnownItem(0, offset, size, "ds0/a.png", "0" * 40, (("ds0",), 0, "a.png"), 0, 0, {}, {})
    return Finished(b'{"volume":0,"offset":%d,"size":%d}\n' % (offset, size), known, Range(path, offset, size))


@pytest.mark.parametrize(
    ("sizes", "limit", "volumes"),
    [
        ([5, 5, 5], None, [[5, 5, 5]]),
        ([5, 5, 5], 25, [[5, 5, 5]]),
        ([5, 5, 5], 24, [[5, 5], [5]]),
        ([5, 5, 5], 20, [[5, 5], [5]]),
        ([5, 5, 5], 19, [[5], [5], [5]]),
        ([50, 5, 5, 50], 20, [[50], [5, 5], [50]]),
        ([], 20, [[]]),
        ([5], 1, [[5]]),
    ],
)
def test_a_volume_holds_as_many_items_as_fit_with_what_stands_around_them(
    sizes: list[int], limit: int | None, volumes: list[list[int]]
) -> None:
    layout = Layout(10, None if limit is None else limit + 1024 - 10 + 10)
    lines = [json.loads(layout.place(item(size, f"file {number}"))) for number, size in enumerate(sizes)]
    assert [[piece.size for piece in pieces] for pieces in layout.volumes] == volumes
    assert [line["volume"] for line in lines] == [n for n, volume in enumerate(volumes) for _ in volume]
    wanted = [10 + sum(volume[:number]) for volume in volumes for number in range(len(volume))]
    assert [line["offset"] for line in lines] == wanted


def test_items_that_follow_each_other_in_a_file_are_copied_as_one_range() -> None:
    layout = Layout(10, None)
    for path, offset, size in (("a", 0, 5), ("a", 5, 5), ("a", 11, 1), ("b", 12, 3), ("b", 15, 1), ("a", 12, 1)):
        layout.place(item(size, path, offset))
    assert layout.volumes == [[Range("a", 0, 10), Range("a", 11, 1), Range("b", 12, 4), Range("a", 12, 1)]]
    assert layout.sizes() == [10 + 16 + 1024]
