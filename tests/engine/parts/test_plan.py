"""Which items a plan renders, how it is dealt out, and what an item's key depends on."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.listing import list_items
from airflow_savemasks.engine.parts.plan import MOST_PARTS, PART_BYTES, PART_ITEMS, Plan, PlanFiles, Planned, planned
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import add_item, job_of, make_project, plan_of, run

ITEM = Item("ds/in", "a.png", "ds/img/a.png", "ds/ann/a.png.json", "10-5", "7-5", 10, 7)


def stored(folder: Path, count: int, name: str = "0" * 32) -> PlanFiles:
    """The lists of a plan of so many items, all of which have to be rendered."""
    lines = [planned(0, "ds", f"{n:07}.png", replace(ITEM, name=f"{n:07}.png"), "s").to_line() for n in range(count)]
    storage = FolderStorage(folder)
    for kind in ("items.jsonl", "todo.jsonl"):
        with storage.writing(f"plans/{name}.{kind}") as out:
            out.writelines(lines)
    size = sum(map(len, lines))
    return PlanFiles(storage, "plans", Plan("x", name, "d", "s", count, count, 10 * count, size, size, (), ()))


def test_a_planned_item_is_read_back_as_it_was() -> None:
    one = planned(3, "ds/datasets/in", "a_1.png", replace(ITEM, problem="a pipe", name="я.png"), "settings")
    assert Planned.from_line(one.to_line()) == one
    assert one.origin.place == (("ds", "in"), 3, "я.png")


@pytest.mark.parametrize(
    "changes",
    [{"dataset": "ds"}, {"name": "b.png"}, {"picture": "x"}, {"annotation": None}, {"picture_identity": "10-6"},
     {"annotation_identity": "7-6"}, {"size": 11}, {"annotation_size": 8}, {"problem": "x"}],
)  # fmt: skip
def test_a_key_depends_on_all_that_the_bytes_do(changes: dict[str, Any]) -> None:
    key = planned(0, "ds", "a.png", ITEM, "settings").key
    assert key == planned(0, "ds", "a.png", replace(ITEM), "settings").key
    assert key != planned(0, "ds", "a.png", replace(ITEM, **changes), "settings").key
    for other in ((1, "ds", "a.png"), (0, "ds2", "a.png"), (0, "ds", "a_1.png")):
        assert key != planned(*other, ITEM, "settings").key
    assert key != planned(0, "ds", "a.png", ITEM, "other settings").key


def test_only_what_changed_is_to_be_rendered(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=30)
    make_project(project, items=10, dataset="another")
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    for number in (3, 17):
        add_item(project, f"{number:04}.png", seed=500 + number)
    (project / "ds0/img/0008.png").unlink()
    (project / "ds0/ann/0008.png.json").unlink()
    add_item(project, "0007b.png", seed=7)
    files = plan_of(job_of(project), storage)
    assert [one.name for one in files.todo()] == ["0003.png", "0007b.png", "0017.png"]
    assert (files.plan.items, files.plan.todo, files.plan.found_in) == (40, 3, ())
    assert [one.name for one in files.items()][:2] == ["0000.png", "0001.png"]
    assert files.plan.picture_bytes == sum(one.item.size for one in files.todo())


def test_parts_are_of_a_size_that_is_aimed_at_until_there_would_be_too_many() -> None:
    small = Plan("x", "n", "d", "s", 1, 1000, 10_000, 0, 0, (), ())
    assert (small.part_items, small.part_bytes) == (PART_ITEMS, PART_BYTES)
    items = MOST_PARTS * PART_ITEMS
    assert replace(small, todo=items).part_items == PART_ITEMS
    assert replace(small, todo=items + 1).part_items == PART_ITEMS + 1
    huge = replace(small, picture_bytes=MOST_PARTS * PART_BYTES)
    assert huge.part_bytes == 6 * PART_BYTES


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


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_edited_the_archive_is_the_one_made_from_nothing(tmp_path: Path, seed: int) -> None:
    """And just the items are rendered that were edited or are new."""
    rng = random.Random(seed)
    project = make_project(tmp_path / "project", items=12)
    names = [f"{number:04}.png" for number in range(12)]
    run(project, tmp_path / "out")
    for turn in range(4):
        edited = set()
        for _ in range(rng.randrange(4)):
            if names and rng.random() < 0.3:
                gone = names.pop(rng.randrange(len(names)))
                (project / "ds0/img" / gone).unlink()
                (project / f"ds0/ann/{gone}.json").unlink()
                edited.discard(gone)
                continue
            name = rng.choice(names) if names and rng.random() < 0.5 else f"{rng.randrange(10_000):04}x.png"
            add_item(project, name, seed=1000 * seed + 100 * turn + len(edited))
            names = sorted({*names, name})
            edited.add(name)
        if not names:
            return
        result = run(project, tmp_path / "out")
        assert result["items"] == {"rendered": len(edited), "reused": len(names) - len(edited), "skipped": 0}
        fresh = Path(run(project, tmp_path / f"fresh{turn}")["archive"]).read_bytes()
        assert Path(result["archive"]).read_bytes() == fresh
        index = [(tmp_path / where / "export.index.jsonl").read_bytes() for where in ("out", f"fresh{turn}")]
        assert index[0] == index[1]


@pytest.mark.parametrize("name", ["..", "a/../b", ".", "a//b"])
def test_a_dataset_whose_name_leads_out_of_its_place_is_refused(tmp_path: Path, name: str) -> None:
    job = job_of(make_project(tmp_path / "project", items=1))
    odd = replace(job, inputs=(replace(job.inputs[0], datasets=(name,)),))
    with pytest.raises(ProjectError, match="cannot be the name of a file or folder"):
        list(list_items(odd, Remarks()))
