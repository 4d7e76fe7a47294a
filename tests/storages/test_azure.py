"""Azure: archives that its service puts together, on the condition that files are the known ones, and their blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage import azure
from airflow_savemasks.engine.storage.azure_upload import MOST_BLOCKS
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.remote import size_of
from tests.storages.places import Place
from tests.storages.test_contract import NOISE, put


def test_the_service_copies_ranges_and_looks_at_the_condition(
    make_place: Callable[[str], Place], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "airflow_savemasks")
    storage = make_place("azure").open()
    put(storage, "x", NOISE)
    known = storage.stat("x")
    storage.compose("y", [b"head", Range("x", 5, len(NOISE) - 5, known)])
    assert storage.read("y") == b"head" + NOISE[5:]
    put(storage, "x", NOISE[::-1])
    with pytest.raises(Changed):
        storage.compose("z", [b"head", Range("x", 5, len(NOISE) - 5, known)])
    assert "not copied by the server" not in caplog.text


@given(st.lists(st.one_of(st.integers(0, 30), st.integers(0, 20 << 40)), max_size=6))
def test_blocks_keep_every_byte_and_are_not_too_many(sizes: list[int]) -> None:
    pieces = [b"x" * size if size < 30 else Range(str(number), 7, size) for number, size in enumerate(sizes)]
    blocks = azure.split(pieces)
    assert size_of(blocks) == size_of(pieces)
    assert len(blocks) <= MOST_BLOCKS
    assert all(0 < size_of([block]) <= azure.MOST_COPIED for block in blocks)


def test_what_is_too_large_for_azure_says_what_to_do(make_place: Callable[[str], Place]) -> None:
    with pytest.raises(StorageError, match="Set volume_size"):
        make_place("azure").open().compose("y", [Range("x", 0, 200 << 40)])
