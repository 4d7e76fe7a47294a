"""Listings in a known order are begun ahead, few at first, and as many as are small."""

from __future__ import annotations

import threading
import time

import pytest

from airflow_savemasks.engine.project import ahead
from airflow_savemasks.engine.project.ahead import Ahead


class Lists:
    """Listings that are slow, and who is at work at once."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.most = self.now = 0
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def one(self, name: str) -> list[str]:
        with self._lock:
            self.asked.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        if name not in self.sizes:
            raise KeyError(name)
        return [name] * self.sizes[name]


NAMES = [f"ds{number:02}" for number in range(40)]


def test_small_listings_come_in_order_many_at_once() -> None:
    lists = Lists(dict.fromkeys(NAMES, 3))
    listed = Ahead(lists.one, len)
    listed.expect(NAMES)
    assert lists.asked == []
    assert [listed.take(name)[0] for name in NAMES] == NAMES
    assert sorted(lists.asked) == NAMES
    assert 8 <= lists.most <= ahead.MOST


def test_of_large_listings_one_is_held_beside_the_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "HELD", 10)
    lists = Lists(dict.fromkeys(NAMES, 11))
    listed = Ahead(lists.one, len)
    listed.expect(NAMES)
    for number, name in enumerate(NAMES):
        assert len(listed.take(name)) == 11
        assert len(lists.asked) <= number + 1 + ahead.FIRST
    assert lists.most <= ahead.FIRST


def test_nothing_is_listed_ahead_where_it_is_no_use() -> None:
    lists = Lists(dict.fromkeys(NAMES, 3))
    listed = Ahead(lists.one, len, 0)
    listed.expect(NAMES)
    assert listed.take("ds00") == ["ds00"] * 3
    assert lists.asked == ["ds00"]


def test_another_name_than_the_expected_one_is_listed_by_itself() -> None:
    lists = Lists({"a": 1, "b": 2, "c": 3})
    listed = Ahead(lists.one, len)
    listed.expect(["a", "b"])
    assert [listed.take(name) for name in ("c", "a", "c", "b")] == [["c"] * 3, ["a"], ["c"] * 3, ["b"] * 2]


def test_an_error_comes_where_its_listing_is_asked_for() -> None:
    lists = Lists({"a": 1, "c": 1})
    listed = Ahead(lists.one, len)
    listed.expect(["a", "b", "c"])
    assert listed.take("a") == ["a"]
    with pytest.raises(KeyError, match="b"):
        listed.take("b")
    assert listed.take("c") == ["c"]
