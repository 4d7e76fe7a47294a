"""Parts: a small change of a project changes few of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.parts.plan import (
    LARGEST,
    Part,
    Planned,
    choose_window,
    read_items,
    split_into_parts,
    write_items,
)
from airflow_savemasks.engine.project.source import Item


def planned(name: str, identity: str = "1", size: int = 1_000_000) -> Planned:
    return Planned(0, "ds0", name, Item("ds0", name, f"ds0/img/{name}", None, identity, "", size))


@pytest.fixture
def parts_of(tmp_path: Path):
    def cut(items: list[Planned], window: int = 6) -> list[Part]:
        write_items(tmp_path / "items", items)
        return list(split_into_parts(tmp_path / "items", window, "settings"))

    return cut


def names(count: int) -> list[str]:
    return [f"IMG_{number:06d}.jpg" for number in range(count)]


def test_160_full_hd_photographs_make_at_least_8_parts(parts_of) -> None:
    for size in (400_000, 1_000_000):
        window = choose_window(160, 160 * size, None)
        assert 8 <= len(parts_of([planned(name) for name in names(160)], window)) <= 80


@pytest.mark.parametrize("size", [20_000, 1_000_000, 8_000_000])
def test_a_million_items_stay_within_the_limits_of_s3(size: int) -> None:
    window = choose_window(1_000_000, 1_000_000 * size, None)
    assert 1_000_000 / (window + 1) < 10_000


def test_one_changed_item_makes_one_part_new(parts_of) -> None:
    items = [planned(name) for name in names(160)]
    before = {part.digest for part in parts_of(items)}
    items[77] = planned(items[77].name, identity="2")
    after = {part.digest for part in parts_of(items)}
    assert len(after - before) == 1


@given(st.sets(st.integers(0, 5000), min_size=1, max_size=300), st.integers(0, 5000), st.integers(0, 9))
def test_one_added_item_makes_at_most_two_parts_new(parts_of, numbers: set[int], added: int, window: int) -> None:
    before = {part.digest for part in parts_of([planned(f"{n:05d}.jpg") for n in sorted(numbers - {added})], window)}
    after = {part.digest for part in parts_of([planned(f"{n:05d}.jpg") for n in sorted(numbers | {added})], window)}
    assert len(after - before) <= 2


@given(st.integers(1, 400), st.integers(0, 12))
def test_parts_hold_every_item_once_in_order_and_respect_least_and_greatest_size(
    parts_of, tmp_path: Path, count: int, window: int
) -> None:
    parts = parts_of([planned(name) for name in names(count)], window)
    content = (tmp_path / "items").read_bytes()
    found = [item.name for part in parts for item in read_items(content[part.start : part.start + part.size])]
    assert found == names(count)
    sizes = [part.items for part in parts]
    assert sum(sizes) == count
    assert max(sizes) <= LARGEST * (window + 1)
    assert all(size > window for size in sizes[1:-1])


def test_a_window_stays_while_a_project_grows_a_little() -> None:
    first = choose_window(1600, 1600 * 300_000, None)
    assert choose_window(2400, 2400 * 300_000, first) == first
    assert choose_window(1_000_000, 300_000_000_000, first) > first


def test_settings_are_part_of_the_digest(tmp_path: Path) -> None:
    write_items(tmp_path / "items", [planned("a.jpg")])
    one, two = (next(split_into_parts(tmp_path / "items", 1, settings)).digest for settings in ("x", "y"))
    assert one != two
