"""What is read from a folder is the file that was listed, and links that lead out are followed only where they may."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import AccessError, Changed, NotFound, Stopped, StorageError
from airflow_savemasks.engine.storage.base import CHUNK, Range, Storage
from airflow_savemasks.engine.storage.opening import open_storage


def put(storage: Storage, path: str, content: bytes = b"new") -> None:
    with storage.writing(path) as out:
        out.write(content)


@pytest.mark.parametrize("confined", [False, True])
def test_links_that_lead_out_are_followed_only_where_the_root_is_not_confined(tmp_path: Path, confined: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for place in (root / "d", outside):
        place.mkdir(parents=True)
        (place / "x").write_bytes(b"content")
    (root / "out").symlink_to(outside)
    (root / "file").symlink_to(outside / "x")
    (root / "own").symlink_to(root / "d")
    storage = open_storage(str(root), confined=confined)
    level = storage.listdir("")
    assert storage.read("own/x") == b"content"
    works: list[Callable[[], Any]] = [
        lambda: storage.listdir("out"),
        lambda: storage.stat("out/x"),
        lambda: storage.read("out/x"),
        lambda: storage.read("file"),
        lambda: list(storage.stream("file", 0, 7)),
        lambda: put(storage, "out/y"),
        lambda: storage.compose("out/z", [b"x"]),
        lambda: storage.compose("d/z", [Range("file", 0, 7)]),
        lambda: storage.growing("out/w").__enter__(),
        lambda: storage.delete(["out/x"]),
    ]
    if not confined:
        assert (sorted(level.folders), sorted(level.files), level.others) == (["d", "out", "own"], ["file"], {})
        for work in works:
            work()
        assert sorted(path.name for path in outside.iterdir()) == ["w", "y", "z"]
        return
    assert (sorted(level.folders), level.files) == (["d", "own"], {})
    assert level.others == dict.fromkeys(["out", "file"], "a link that leads out of the root")
    for work in works:
        with pytest.raises(AccessError, match="is reached through a link that leads out of the root. Remove the link"):
            work()
    assert [path.name for path in outside.iterdir()] == ["x"]
    put(storage, "file", b"new")  # the link itself is replaced, not what it leads to
    storage.delete(["out"])
    assert ((outside / "x").read_bytes(), (root / "file").is_symlink(), (root / "out").is_symlink()) == (
        b"content", False, False
    )  # fmt: skip


def test_a_stream_is_of_the_file_that_was_listed_from_its_first_byte_to_its_last(tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK + 5)
    (tmp_path / "x").write_bytes(content)
    storage = open_storage(str(tmp_path))
    known = storage.stat("x")
    assert [len(piece) for piece in storage.stream("x", 1, 2 * CHUNK + 3, known)] == [CHUNK, CHUNK, 3]
    assert list(storage.stream("x", 5, 0, known)) == []
    with pytest.raises(StorageError, match="x: ends 2 bytes too early. Export again with reuse=False"):
        list(storage.stream("x", 6, 2 * CHUNK + 1, known))
    pieces = storage.stream("x", 0, 2 * CHUNK, known)
    assert next(pieces) == content[:CHUNK]
    os.utime(tmp_path / "x", ns=(1, 1))
    with pytest.raises(Changed):
        list(pieces)
    stop = threading.Event()
    storage.watch(stop)
    pieces = storage.stream("x", 0, 2 * CHUNK)
    next(pieces)
    stop.set()
    with pytest.raises(Stopped):
        next(pieces)


def test_what_is_not_there_is_none_or_empty_or_named(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "root"))
    put(storage, "d/x")
    assert storage.stat("none") is None
    assert storage.stat("d") is None
    assert storage.listdir("none").files == {}
    for work in (lambda: storage.read("none"), lambda: list(storage.stream("none", 0, 1))):
        with pytest.raises(NotFound, match="root/none: does not exist"):
            work()
    for path_work in (storage.listdir, storage.stat, storage.read):
        with pytest.raises(StorageError, match="root/d/x/y: a part of the path is a file, not a folder"):
            path_work("d/x/y")
