"""Circles are searched less often while pictures are rendered, and as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from airflow_savemasks.engine.work.collector import OBJECTS, rarer_collections


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_last_one_out_restores_what_was() -> None:
    gc.set_threshold(700, 9, 8)
    one, other = rarer_collections(), rarer_collections()
    one.__enter__()
    other.__enter__()
    assert gc.get_threshold() == (OBJECTS, 9, 8)
    one.__exit__(None, None, None)
    assert gc.get_threshold() == (OBJECTS, 9, 8)
    other.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 9, 8)


@pytest.mark.parametrize("own", [0, OBJECTS, 5 * OBJECTS])
def test_who_searches_less_often_or_never_keeps_that(own: int) -> None:
    gc.set_threshold(own, 10, 10)
    with rarer_collections():
        assert gc.get_threshold()[0] == own
    assert gc.get_threshold()[0] == own


def test_it_ends_with_an_error_too() -> None:
    gc.set_threshold(700, 10, 10)
    with pytest.raises(KeyError), rarer_collections():
        raise KeyError
    assert gc.get_threshold() == (700, 10, 10)
