"""The directory of a zip: where it lies, what it says in 64 bits, and each way in which it may contradict itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage import packed_index
from airflow_savemasks.engine.storage.opening import open_source_storage
from tests.engine.storage.raw_zip import LARGE, Raw, deflate, directory, end, extra, packed, packed_64
from tests.engine.storage.test_packed import opened, refused


@pytest.mark.parametrize(
    "raw",
    [
        Raw(extra=extra(7), unpacked=LARGE),
        Raw(extra=extra(len(deflate(b"content"))), packed=LARGE),
        Raw(extra=extra(0), offset=LARGE),
        Raw(extra=extra(7, len(deflate(b"content")), 0), unpacked=LARGE, packed=LARGE, offset=LARGE),
        Raw(extra=extra(99, kind=0x5455) + extra(7), unpacked=LARGE),
        Raw(extra=b"\x99\x99\5\0abcde" + extra(7) + b"\0", unpacked=LARGE),
        Raw(extra=extra(99, 99)),
        Raw(extra=b"\1\0\xff"),
    ],
)
def test_sizes_and_places_of_64_bits_are_taken_where_the_others_say_so(tmp_path: Path, raw: Raw) -> None:
    storage = opened(tmp_path, "x.zip", packed(raw, Raw(b"b", comment=b"no comment"), Raw(b"c")))
    assert storage.stat("a").size == 7
    assert [storage.read(name) for name in "abc"] == [b"content"] * 3


def test_a_directory_of_64_bits_is_read_and_must_be_where_it_says(tmp_path: Path) -> None:
    for before in (b"", b"#!/bin/sh\n"):
        storage = opened(tmp_path, f"{len(before)}.zip", before + packed_64(Raw(), Raw(b"b")))
        assert [storage.read(name) for name in "ab"] == [b"content"] * 2
    refused(tmp_path, "y.zip", packed_64(Raw(), mark=b"PK\6\5"), "its large directory is not where it should be")
    refused(tmp_path, "z.zip", packed_64(Raw(), locator=b"PK\6\1"), "its directory is not where it should be|too large")


@pytest.mark.parametrize("comment", [b"", b"x", b"x" * 21, b"x" * 65_534, b"x" * 65_535])
def test_a_zip_with_a_comment_is_read_and_not_where_it_is_cut(tmp_path: Path, comment: bytes) -> None:
    whole = packed(Raw(), comment=comment)
    assert opened(tmp_path, "x.zip", whole).read("a") == b"content"
    refused(tmp_path, "y.zip", whole[:-1], "ends too early|no directory at its end")


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda body, entries: b"", "no directory at its end"),
        (lambda body, entries: body + entries, "no directory at its end"),
        (lambda body, entries: body + entries + end(1, len(entries), len(body))[:21], "no directory at its end"),
        (lambda body, entries: body + entries + end(1, len(entries), len(body), said=1), "it ends too early"),
        (lambda body, entries: body + entries + end(1, len(entries), len(body) + 1), "not where it should be"),
        (lambda body, entries: body + entries + end(1, len(entries) + 1, len(body)), "not where it should be"),
        (
            lambda body, entries: b"x" + body + entries + end(1, len(entries) + 1, len(body)),
            "no entry of its directory",
        ),
        (lambda body, entries: body + entries + end(1, len(entries) - 1, len(body)), "no entry of its directory"),
        (lambda body, entries: body + entries + b"x" + end(1, len(entries) + 1, len(body)), "no entry .* at byte 87"),
        (lambda body, entries: body + entries[:46] + end(1, 46, len(body)), "another length than it says"),
    ],
)
def test_a_directory_that_is_not_as_its_end_says_is_refused(tmp_path: Path, spoil, match: str) -> None:
    body, entries = directory([Raw()])
    refused(tmp_path, "x.zip", spoil(body, entries), f"cannot be read as an archive .*({match})")


def test_an_empty_zip_is_an_empty_folder(tmp_path: Path) -> None:
    assert opened(tmp_path, "x.zip", packed()).listdir("").files == {}


@pytest.mark.parametrize("size", [1 << 15, (1 << 15) + 1])
def test_a_path_has_at_most_32768_characters(tmp_path: Path, size: int) -> None:
    content = packed(Raw(b"n" * size))
    if size == 1 << 15:
        assert len(opened(tmp_path, "x.zip", content).listdir("").files) == 1
    else:
        refused(tmp_path, "x.zip", content, "has a path of 32769 characters. Pack it with shorter paths")


def test_all_names_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_index, "NAMES", 3 << 20)
    monkeypatch.setattr(packed_index, "LONGEST_PATH", 1 << 20)
    names = [str(number).encode() + b"n" * ((1 << 15) - 2) for number in range(10, 96 + 10)]
    whole = [name[: 1 << 15] for name in names]
    assert len(opened(tmp_path, "x.zip", packed(*(Raw(name) for name in whole))).listdir("").files) == 96
    refused(tmp_path, "y.zip", packed(*(Raw(name) for name in [*whole, b"n"])), "names of more than 3 MiB")


def test_a_file_too_short_for_the_directory_that_it_speaks_of_is_a_broken_archive(tmp_path: Path) -> None:
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    (tmp_path / "x.zip").write_bytes(locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 0, 0))
    with pytest.raises(StorageError, match=r"x\.zip: cannot be read as an archive .*64 bits is missing"):
        open_source_storage(str(tmp_path / "x.zip")).listdir("")
