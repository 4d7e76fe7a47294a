"""The items to render are dealt out once, alike, and told in few bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.plan import Plan, PlanFiles, planned
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.storage.folder import FolderStorage

ITEM = Item("ds", "a.png", "ds/img/a.png", "ds/ann/a.png.json", "10-5", "7-5", 10, 7)


def stored(folder: Path, count: int, name: str = "0" * 32) -> PlanFiles:
    """The lists of a plan of so many items, all of which have to be rendered."""
    lines = [planned(0, "ds", f"{n:07}.png", replace(ITEM, name=f"{n:07}.png"), "s").to_line() for n in range(count)]
    storage = FolderStorage(folder)
    for kind in ("items.jsonl", "todo.jsonl"):
        with storage.writing(f"plans/{name}.{kind}") as out:
            out.writelines(lines)
    size = sum(map(len, lines))
    return PlanFiles(storage, "plans", Plan("x", name, "d", "s", count, count, 10 * count, size, size, (), ()))


@pytest.mark.parametrize(("items", "most"), [(1, 8), (7, 8), (8, 8), (100, 8), (101, 8), (1000, 1), (1000, 999)])
def test_batches_cover_all_items_to_render_once_in_order_and_are_alike(tmp_path: Path, items: int, most: int) -> None:
    files = stored(tmp_path, items)
    batches = make_batches(files, most)
    assert len(batches) == min(items, most)
    dealt = [[one.name for one in files.todo(batch["start"], batch["size"])] for batch in batches]
    assert [name for batch in dealt for name in batch] == [f"{number:07}.png" for number in range(items)]
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    assert [batch["items"] for batch in batches] == [len(batch) for batch in dealt]
    firsts = [batch["first"] for batch in batches]
    assert [f"{first:07}.png" for first in firsts] == [batch[0] for batch in dealt]
    assert batches[-1]["label"] == f"items {firsts[-1] + 1} to {items}"


def test_there_is_a_batch_where_nothing_is_to_be_rendered(tmp_path: Path) -> None:
    (batch,) = make_batches(stored(tmp_path, 0), 8)
    assert (batch["items"], batch["size"], batch["label"]) == (0, 0, "nothing to render")
    assert not list(stored(tmp_path, 0).todo(0, 0))


def test_ten_thousand_items_fit_into_a_thousand_mapped_tasks_and_a_small_xcom(tmp_path: Path) -> None:
    batches = make_batches(stored(tmp_path, 10_000), 1024)
    assert len(batches) == 1024
    assert len(json.dumps(batches)) < 200_000
