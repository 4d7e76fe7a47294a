"""Which names are of one pattern, and which is older."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.dated import archives_of, pattern_of
from airflow_savemasks.engine.storage.opening import open_storage


@pytest.mark.parametrize(
    ("dst", "pattern"),
    [
        ("space 2026-11-29", "space ####-##-##"),
        ("space_20261129", "space_########"),
        ("2026-11-29", "####-##-##"),
        ("a/2026/11/29/space", "a/####/##/##/space"),
        ("a/2026-11-29/space.v1", "a/####-##-##/space.v1"),
        ("x 2026-11-29T03:00:00+00:00", "x ####-##-##T##:##:##+##:##"),
        ("x 20261129T030000", "x ########T######"),
        ("x 2026-11-29 03-00-00.123", "x ####-##-## ##-##-##.###"),
        ("x 2026-11-29-0600", "x ####-##-##-0600"),
        ("x 2026-11-29.2", "x ####-##-##.2"),
        ("from 2020-01-01 to 2026-11-29", "from 2020-01-01 to ####-##-##"),
        ("x 2026-11-29 v20269999", "x ####-##-## v20269999"),
    ],
)
def test_the_last_date_of_a_name_makes_its_pattern(dst: str, pattern: str) -> None:
    assert str(pattern_of(dst)) == pattern


DATELESS = ["space", "space 2026", "space 2026-13-01", "space 2026-02-30", "x 120261129", "x ٢٠٢٦-١١-٢٩"]


@pytest.mark.parametrize("dst", DATELESS)
def test_a_name_without_a_date_has_none(dst: str) -> None:
    assert pattern_of(dst) is None


@pytest.mark.parametrize(
    "name",
    [
        "space 2026-11-2",
        "space 2026-11-290",
        "space 20261129",
        "space 2026-11-31",
        "space 2026_11_29",
        "Space 2026-11-29",
        "my space 2026-11-29",
        "space 2026-11-29 old",
        "space 2026-11-29_000",
        "sub/space 2026-11-29",
        "space 2026-11-29T00:00:00",
        "space ٢٠٢٦-١١-٢٩",
    ],
)
def test_another_name_is_not_of_the_pattern(name: str) -> None:
    pattern = pattern_of("space 2026-11-28")
    assert pattern is not None
    assert pattern.read(name) is None


def test_archives_that_were_renamed_are_of_the_pattern_where_exports_rename() -> None:
    pattern = pattern_of("space 2026-11-28", renamed=True)
    assert pattern is not None
    one, other = pattern.read("space 2026-11-28"), pattern.read("space 2026-11-28_003")
    assert one is not None
    assert other is not None
    assert (other.dst, one.when < other.when) == ("space 2026-11-28", True)


def test_what_is_special_to_a_regular_expression_is_only_text() -> None:
    pattern = pattern_of("a.b [2026-11-28]")
    assert pattern is not None
    assert pattern.read("a.b [2026-11-27]") is not None
    assert pattern.read("aXb [2026-11-27]") is None


@pytest.mark.parametrize("dst", ["n/space {}", "n/{}/space", "{}/n/x"])
def test_those_with_a_manifest_are_found_the_newest_first(dst: str, tmp_path: Path) -> None:
    for day in ("2026-01-02", "2025-12-31", "2026-01-10", "2026-99-99"):
        manifest = tmp_path / f"{dst.format(day)}.manifest.json"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text("{}")
    (tmp_path / f"{dst.format('2026-01-03')}.tar").parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / f"{dst.format('2026-01-03')}.tar").write_bytes(b"somebody's")
    pattern = pattern_of(dst.format("2026-01-02"))
    assert pattern is not None
    found = [one.name for one in archives_of(open_storage(str(tmp_path)), pattern)]
    assert found == [dst.format(day) for day in ("2026-01-10", "2026-01-02", "2025-12-31")]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("x 2026-11-29T06:00:00.100000+00:00", "x 2026-11-29T06:00:00.900000+00:00"),
        ("x 2026-11-29T06:00:00", "x 2026-11-29T18:00:00"),
        ("x 20261129T060900", "x 20261129T061000"),
        ("x 2026-11-29", "x 2026-11-30"),
        ("x 2026-10-25T02:30:00+02:00", "x 2026-10-25T02:15:00+01:00"),
        ("x 20261129T235900-0100", "x 20261129T235900-0200"),
        ("x 2026-11-29", "x 2026-11-29_000"),
        ("x 2026-11-29_999", "x 2026-11-29_1000"),
    ],
)
def test_the_older_one_is_older_by_all_that_its_date_says(older: str, newer: str) -> None:
    pattern = pattern_of(older if "_" not in older else "x 2026-11-29", renamed=True)
    assert pattern is not None
    first, second = pattern.read(older), pattern.read(newer)
    assert first is not None
    assert second is not None
    assert first.when < second.when


def test_what_is_no_moment_is_no_date() -> None:
    pattern = pattern_of("x 2026-11-29T06:00:00+01:00")
    assert pattern is not None
    assert pattern.read("x 0001-01-01T00:00:00+01:00") is None
