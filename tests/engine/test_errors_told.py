"""Whoever is told of a failed export sees the first line first: it has the fact, whatever the error is."""

from __future__ import annotations

import inspect
import pickle

import pytest

from airflow_savemasks.engine import errors
from airflow_savemasks.engine.errors import BadItemsError, GateError, ItemError, SaveMasksError, Stopped

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SaveMasksError) and kind not in {BadItemsError, GateError, Stopped}
]


def test_there_are_kinds() -> None:
    assert len(KINDS) >= 10


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_begins_with_place_and_fact(kind: type[SaveMasksError]) -> None:
    error = kind("s3://bucket/space.tar", "has 7 bytes, not 9:\n  a\n  b", "Look who writes there")
    assert str(error).splitlines()[0] == "s3://bucket/space.tar: has 7 bytes, not 9:"
    assert error.told().splitlines()[:2] == ["s3://bucket/space.tar: has 7 bytes, not 9", "Look who writes there"]


@pytest.mark.parametrize(
    ("count", "items", "fact"),
    [
        (1, None, "1 item is bad, first: /p, ds0/a.png: does not decode"),
        (3, None, "3 items are bad, first: /p, ds0/a.png: does not decode"),
        (1, 900, "1 of 900 items is bad, first: /p, ds0/a.png: does not decode"),
        (3, 900, "3 of 900 items are bad, first: /p, ds0/a.png: does not decode"),
        (1, 1, "1 of 1 item is bad, first: /p, ds0/a.png: does not decode"),
    ],
)
def test_bad_items_begin_with_how_many_of_how_many_and_the_first(count: int, items: int | None, fact: str) -> None:
    error = BadItemsError([ItemError("/p, ds0/a.png", "does not\ndecode", "Mend it")], None, count, "file", items)
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert str(one).splitlines()[:2] == [fact, "nothing was published:"]
        assert one.told().splitlines()[:2] == [fact, errors.MEND]
        assert (one.count, one.items, one.file) == (count, items, "file")


def test_a_stop_begins_with_that() -> None:
    assert str(Stopped()).startswith("export: stopped on request. Nothing was published")


def test_a_gate_begins_with_its_name_and_figure() -> None:
    error = GateError([("min_items", "3 items, at least 100 are wanted", "")], "/out/space.tar")
    assert error.told().splitlines()[0].startswith("gate min_items: 3 items, at least 100 are wanted")
    assert str(error).startswith("gate min_items: 3 items, at least 100 are wanted")
