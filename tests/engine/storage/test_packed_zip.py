"""Zips as other programs write them, field by field, and each way in which one may contradict itself."""

from __future__ import annotations

import calendar
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage.base import NO_UTF8, Entry
from airflow_savemasks.engine.storage.packed_zip import PIECE, inflate
from tests.engine.storage.raw_zip import LARGE, Raw, deflate, extra, packed
from tests.engine.storage.test_packed import opened, refused

NOISE = os.urandom(300_000)
SLACK = 65_536  # and a hundredth of the file: what deflating may add to it


def test_what_is_stored_or_deflated_comes_back(tmp_path: Path) -> None:
    files = {b"a": b"", b"b": NOISE, b"c": bytes(1_000_000), b"d": b"x" * PIECE}
    members = [Raw(name + kind, content, kind == b"8") for name, content in files.items() for kind in (b"0", b"8")]
    storage = opened(tmp_path, "x.zip", packed(*members))
    assert [storage.read(raw.name.decode()) for raw in members] == [raw.content for raw in members]
    assert storage.stat("b8") == Entry(300_000, storage.listdir("").files["b8"].identity, 315_532_800.0)


@pytest.mark.parametrize("size", [0, 3, 482, 483, 484, 1_000, 60_000])
def test_names_and_extras_before_the_content_may_be_of_any_length(tmp_path: Path, size: int) -> None:
    for deflated in (True, False):
        one = Raw(b"a", NOISE[:500], deflated, local_name=b"n" * (size // 2), local_extra=b"e" * (size - size // 2))
        storage = opened(tmp_path, f"{deflated}.zip", packed(one, Raw(b"b")))
        assert storage.read("a") == NOISE[:500]
        assert storage.read("b") == b"content"


@pytest.mark.parametrize("date", [(2024, 11, 23, 21, 43, 58), (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)])
def test_a_zips_times_are_read_to_two_seconds(tmp_path: Path, date: tuple[int, ...]) -> None:
    year, month, day, hour, minute, second = date
    raw = Raw(date=year - 1980 << 9 | month << 5 | day, time=hour << 11 | minute << 5 | second // 2)
    assert opened(tmp_path, "x.zip", packed(raw)).stat("a").modified == calendar.timegm((*date, 0, 0, 0))


@pytest.mark.parametrize(("date", "time"), [(0, 0), (0x21, 24 << 11), (0x21, 60 << 5), (0x21, 30)])
def test_a_time_that_is_none_counts_as_the_beginning_of_time(tmp_path: Path, date: int, time: int) -> None:
    assert opened(tmp_path, "x.zip", packed(Raw(date=date, time=time))).stat("a").modified == 0.0


def test_a_file_is_another_one_when_its_content_size_or_time_is(tmp_path: Path) -> None:
    kinds = [Raw(), Raw(content=b"CONTENT"), Raw(content=b"content", date=0x22), Raw(time=1), Raw(unpacked=8)]
    found = [opened(tmp_path, f"{n}.zip", packed(raw)).stat("a").identity for n, raw in enumerate(kinds)]
    assert len(set(found)) == len(kinds)
    again = opened(tmp_path, "again.zip", packed(Raw(b"b", b"before"), Raw(b"a", deflated=False)))
    assert again.stat("a").identity == found[0]  # packed anew in another way and place
    assert again.read("a", Entry(7, found[0], 0.0)) == b"content"
    with pytest.raises(Changed, match="was changed after it was listed"):
        again.read("a", Entry(7, found[1], 0.0))


@pytest.mark.parametrize(
    ("name", "flags", "shown"),
    [
        (b"\x82.png", 0, "é.png"),
        (b"\x82.png", 1 << 3, "é.png"),
        ("ж.png".encode(), 1 << 11, "ж.png"),
        ("ж.png".encode(), 1 << 11 | 1 << 3, "ж.png"),
        (b"plain.png", 1 << 11, "plain.png"),
    ],
)
def test_names_are_utf8_where_the_zip_says_so_and_of_dos_otherwise(
    tmp_path: Path, name: bytes, flags: int, shown: str
) -> None:
    storage = opened(tmp_path, "x.zip", packed(Raw(name, flags=flags), Raw(b"b", b"other")))
    assert list(storage.listdir("").files) == [shown, "b"]
    assert storage.read(shown) == b"content"


def test_names_that_are_no_utf8_are_told_with_what_is_below_them(tmp_path: Path) -> None:
    names = [b"img/\xe9.png", b"img/a.png", b"\xe9/b.png", b"top.png"]
    storage = opened(tmp_path, "x.zip", packed(*(Raw(name, flags=1 << 11) for name in names)))
    assert storage.listdir("").folders == ["img"]
    assert storage.listdir("").others == {"\\xe9": NO_UTF8}
    assert storage.listdir("img").others == {"\\xe9.png": NO_UTF8}
    assert list(storage.listdir("img").files) == ["a.png"]


def test_folders_and_what_macos_adds_are_no_files(tmp_path: Path) -> None:
    names = [b"d/", b"d/a", b"__MACOSX/d/._a", b"e/__MACOSX/b"]
    storage = opened(tmp_path, "x.zip", packed(*(Raw(name, flags=name.endswith(b"/")) for name in names)))
    assert (storage.listdir("").folders, list(storage.listdir("").files)) == (["d", "e"], [])
    assert storage.read("e/__MACOSX/b") == b"content"


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (Raw(flags=1), "'a' is encrypted. Pack it without a password"),
        (Raw(flags=1 << 11 | 1), "'a' is encrypted"),
        (Raw(method=12), "'a' is not deflated"),
        (Raw(method=9), "'a' is not deflated"),
        (Raw(deflated=False, unpacked=6), "'a' is larger packed than it says to be unpacked"),
        (Raw(packed=1000 + 10 + SLACK + 1, unpacked=1000), "'a' is larger packed than it says"),
        (Raw(extra=b"\x01\0\4\0abcd", unpacked=LARGE), "a large file without its size"),
        (Raw(extra=b"\x01\0\7\0" + bytes(7) + b"UT\0\0", unpacked=LARGE), "a large file without its size"),
        (Raw(extra=extra(7), unpacked=LARGE, packed=LARGE), "a large file without its size"),
    ],
)
def test_a_member_that_cannot_be_read_is_named_when_the_zip_is_listed(tmp_path: Path, raw: Raw, match: str) -> None:
    refused(tmp_path, "x.zip", packed(Raw(b"first"), raw), match)


def test_what_is_packed_may_be_a_little_larger_than_the_file(tmp_path: Path) -> None:
    most = Raw(packed=1000 + 10 + SLACK, unpacked=1000)
    assert opened(tmp_path, "x.zip", packed(most)).listdir("").files["a"].size == 1000
    same = Raw(deflated=False)
    assert opened(tmp_path, "y.zip", packed(same)).read("a") == b"content"


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (Raw(crc=1), "a: is damaged: its CRC-32 is another"),
        (Raw(deflated=False, crc=1), "a: is damaged: its CRC-32 is another"),
        (Raw(unpacked=6), "a: is damaged: it does not have the 6 bytes"),
        (Raw(unpacked=8), "a: is damaged: it does not have the 8 bytes"),
        (Raw(deflated=False, unpacked=9), "a: is damaged: it does not have the 9 bytes"),
        (Raw(packed=3), "a: is damaged: it does not have the 7 bytes"),
        (Raw(content=b"\xff" * 40, deflated=False, method=8), "a: cannot be unpacked"),
        (Raw(offset=1), "is another archive than it was when it was listed"),
    ],
)
def test_content_that_is_not_what_the_directory_says_is_named(tmp_path: Path, raw: Raw, match: str) -> None:
    storage = opened(tmp_path, "x.zip", packed(raw, Raw(b"b")))
    with pytest.raises(StorageError, match=match):
        storage.read("a")
    assert storage.read("b") == b"content"


@pytest.mark.parametrize("size", [0, 1, 7, PIECE, 300_000])
def test_inflating_gives_just_the_bytes_that_were_promised(size: int) -> None:
    content = (NOISE + NOISE)[:size]
    whole = deflate(content)
    assert inflate(whole, size) == content
    assert inflate(whole + b"behind it", size) == content
    assert inflate(whole, size + 1) is None
    assert inflate(whole[:-1], size) is None
    if size:
        assert inflate(whole, size - 1) is None
    assert inflate(b"", 0) is None


def test_a_large_promise_takes_no_more_than_it_says() -> None:
    assert inflate(deflate(bytes(50_000_000)), 10) is None
    assert inflate(deflate(bytes(5_000_000)), 5_000_000) == bytes(5_000_000)
