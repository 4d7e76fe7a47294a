"""Which items a plan renders, how it is dealt out, and what an item's key depends on."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.parts.plan import MOST_PARTS, PART_BYTES, PART_ITEMS, Plan, Planned, planned
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import add_item, job_of, make_project, plan_of, run

ITEM = Item("ds/in", "a.png", "ds/img/a.png", "ds/ann/a.png.json", "10-5", "7-5", 10, 7)


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
