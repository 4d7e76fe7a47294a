"""Lines of the index say all that reusing an item takes, and are not trusted."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from airflow_savemasks.engine.archive.index import (
    IndexLine,
    KnownItem,
    Member,
    Origin,
    line_at,
    moved,
    parse_line,
    read_line,
    rest_of_line,
)

MEMBERS = [Member("ann", "я/ann/a.json", 512, 7, "0" * 64), Member("img", "я/img/a.png", 1536, 9, "1" * 64)]
ORIGIN = Origin(2, "ds/я", "a.png")
REST = rest_of_line(2048, "я/a.png", "f" * 40, ORIGIN, (30, 40), 5, MEMBERS, {"leaf": 12}, {"mask_9d": 1})
LINE = line_at(3, 4096, REST)


def test_a_line_is_read_back_as_it_was_written() -> None:
    assert parse_line(LINE) == IndexLine(
        3, 4096, 2048, "я/a.png", "f" * 40, ORIGIN, 30, 40, 5, MEMBERS, {"leaf": 12}, {"mask_9d": 1}
    )
    assert read_line(LINE) == KnownItem(
        3, 4096, 2048, "я/a.png", "f" * 40, (("ds", "я"), 2, "a.png"), 5, 2, {"leaf": 12}, {"mask_9d": 1}
    )
    assert LINE.endswith(b"\n")
    assert LINE.count(b"\n") == 1


def test_a_line_without_labels_that_nobody_knows_does_not_speak_of_them() -> None:
    line = line_at(0, 0, rest_of_line(1, "a", "f" * 40, ORIGIN, (1, 1), 0, [], {}, {}))
    assert b"undrawn" not in line
    assert parse_line(line).undrawn == read_line(line).undrawn == {}


def test_a_moved_line_says_the_same_of_another_place() -> None:
    wanted = {**orjson.loads(LINE), "volume": 0, "offset": 7}
    assert orjson.loads(moved(LINE, read_line(LINE), 0, 7)) == wanted
    assert moved(LINE, read_line(LINE), 0, 7) == line_at(0, 7, REST)
    spelled = orjson.dumps(orjson.loads(LINE), option=orjson.OPT_SORT_KEYS) + b"\n"
    assert orjson.loads(moved(spelled, read_line(spelled), 0, 7)) == wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [("volume", -1), ("volume", "1"), ("volume", True), ("offset", 1.0), ("offset", None), ("size", -512), ("item", 7),
     ("key", None), ("labels", -1), ("labels", "1"), ("members", None), ("pixels", None), ("pixels", {"a": -1}),
     ("pixels", {"a": "1"}), ("pixels", []), ("undrawn", {"a": 1.5}), ("source", None), ("source", {}),
     ("source", {"input": "0", "dataset": "a", "name": "b"}), ("source", {"input": 0, "dataset": 1, "name": "b"}),
     ("source", {"input": 0, "dataset": "a", "name": 1})],
)  # fmt: skip
def test_what_a_line_may_say_is_bounded(field: str, value: Any) -> None:
    raw = {**orjson.loads(LINE), field: value}
    for read in (read_line, parse_line):
        with pytest.raises(ValueError, match="."):
            read(orjson.dumps(raw))
    raw.pop(field)
    if field != "undrawn":
        for read in (read_line, parse_line):
            with pytest.raises(ValueError, match="."):
                read(orjson.dumps(raw))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"7", b"null", LINE[:-5], b'"text"'])
def test_what_is_no_line_is_told(line: bytes) -> None:
    for read in (read_line, parse_line):
        with pytest.raises(ValueError, match="."):
            read(line)
