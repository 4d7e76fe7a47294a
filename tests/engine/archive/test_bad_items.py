"""Bad items by the thousand, in messages and files; and crossings, of which an outline may have too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from airflow_savemasks.engine.archive.bad_items import KEPT, BadItem, BadItems, write_batch, write_skipped
from airflow_savemasks.engine.errors import SHOWN, BadItemsError
from airflow_savemasks.engine.geometry.crossings import estimate_crossings
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK


def test_crossings_are_estimated_from_where_there_may_be_too_many() -> None:
    rng = np.random.default_rng(1)
    tangle = rng.integers(0, 1000, (200, 2))
    count = 200 * 200 // 2
    assert estimate_crossings([tangle], count) == 0
    found = estimate_crossings([tangle], count - 1)
    exact = _crossings(tangle)
    assert 0.85 * exact < found < 1.15 * exact
    assert estimate_crossings([tangle[:100], tangle[100:]], 10) > 0
    circle = np.array([[500 + 400 * np.cos(a), 500 + 400 * np.sin(a)] for a in np.linspace(0, 6.2, 200)], int)
    assert estimate_crossings([circle], 10) == 0
    assert estimate_crossings([circle], 10, closed=False) == 0


def test_edges_that_touch_do_not_cross() -> None:
    base = np.array([[0, 0], [1000, 0]])
    teeth = np.array([[10 * number, 50 * (number % 2)] for number in range(1, 90)])
    assert estimate_crossings([base, teeth], 10, closed=False) == 0
    assert estimate_crossings([base, teeth - [0, 25]], 10, closed=False) > 50


def _crossings(ring: np.ndarray) -> int:
    ends = np.roll(ring, -1, axis=0)

    def side(a: Any, b: Any, c: Any) -> Any:
        return np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

    pairs = ((i, j) for i in range(len(ring)) for j in range(i))
    return sum(
        side(ring[i], ends[i], ring[j]) * side(ring[i], ends[i], ends[j]) < 0
        and side(ring[j], ends[j], ring[i]) * side(ring[j], ends[j], ends[i]) < 0
        for i, j in pairs
    )


def bad(number: int) -> BadItem:
    return BadItem(f"ds0/{number}.png", f"place {number}", "broken", "mend it")


def test_a_message_spells_out_twenty_bad_items_and_a_file_all_of_them(tmp_path: Path) -> None:
    errors = [bad(number).to_error() for number in range(SHOWN + 1)]
    first = "1 item is bad, first: place 0: broken\nnothing was published:\n  place 0: broken. mend it\n"
    assert str(BadItemsError(errors[:1])).startswith(first)
    assert "... and" not in str(BadItemsError(errors[:SHOWN]))
    told = str(BadItemsError(errors, None, 500, "there"))
    assert told.count("mend it") == SHOWN
    assert told.startswith("500 items are bad, first: place 0: broken\n")
    assert f"... and {500 - SHOWN} more\n  all of them: there" in told
    collected = BadItems()
    for number in range(KEPT + 2):
        collected.add(bad(number))
    assert (collected.count, len(collected.first)) == (KEPT + 2, KEPT)
    storage = FolderStorage(tmp_path)
    assert collected.write(storage, "all") == str(tmp_path / "all")
    lines = [json.loads(line) for line in storage.read("all").splitlines()]
    assert [line["item"] for line in lines] == [f"ds0/{number}.png" for number in range(KEPT + 2)]
    assert lines[0] == {"item": "ds0/0.png", "place": "place 0", "fact": "broken", "fix": "mend it"}


def test_the_file_of_bad_items_is_made_of_all_batches_in_the_order_of_the_plan(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)

    def batch(first: int, *numbers: int, plan: str = "p") -> list[str] | None:
        collected = BadItems()
        for number in numbers:
            collected.add(bad(number))
        where = write_batch(storage, WORK, "export", plan, first, collected)
        assert where in (None, str(tmp_path / "export.bad_items.jsonl"))
        return None if where is None else [json.loads(line)["item"] for line in Path(where).read_bytes().splitlines()]

    assert batch(0) is None
    assert batch(100, 5, 6) == ["ds0/5.png", "ds0/6.png"]
    assert batch(9, 1) == ["ds0/1.png", "ds0/5.png", "ds0/6.png"]
    assert batch(3, 7, plan="another") == ["ds0/7.png"]
    assert batch(100) == ["ds0/1.png"]
    write_skipped(storage, "export", [bad(3)])
    assert b"ds0/3.png" in storage.read("export.bad_items.jsonl")
    write_skipped(storage, "export", [])
    assert storage.stat("export.bad_items.jsonl") is None
    write_skipped(storage, "export", [])
