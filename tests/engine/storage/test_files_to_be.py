"""Pieces at places of an open file, whatever the system takes at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage import files_to_be
from airflow_savemasks.engine.storage.base import Placed
from airflow_savemasks.engine.storage.files_to_be import write_at
from airflow_savemasks.engine.storage.folder import FolderStorage

PIECES = [b"%d," % number for number in range(3000)]  # more than one call of the system takes


@pytest.fixture(params=["whole", "bit by bit", "without pwritev"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    writev, write = os.pwritev, os.pwrite

    def cut(real: Callable[..., int], most: int) -> Callable[..., int]:
        return lambda target, data, at: real(target, data[:most], at)

    if request.param == "bit by bit":
        monkeypatch.setattr(os, "pwritev", cut(writev, 1))
        monkeypatch.setattr(os, "pwrite", cut(write, 1000))
    elif request.param == "without pwritev":
        monkeypatch.delattr(os, "pwritev")


@pytest.mark.usefixtures("system")
def test_pieces_stand_one_after_the_other_from_their_place_on(tmp_path: Path) -> None:
    whole = b"".join(PIECES)
    with (tmp_path / "x").open("w+b", buffering=0) as file:
        assert write_at(file.fileno(), PIECES, 7) == 7 + len(whole)
        assert write_at(file.fileno(), [b"abc", memoryview(b"defg")], 0) == 7
        assert write_at(file.fileno(), [], 3) == 3
    assert (tmp_path / "x").read_bytes() == b"abcdefg" + whole


def test_both_kinds_of_files_take_places_and_name_themselves_in_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path)
    with storage.writing("d/a.tar") as new, storage.growing(".parts/a/x.growing") as growing:
        for file, name in ((new, "a.tar"), (growing, "x.growing")):
            assert isinstance(file, Placed)
            file.write_at([b"cd"], 2)
            file.write_at([b"ab"], 0)
            with monkeypatch.context() as patch:
                patch.setattr(files_to_be, "write_at", lambda *_: os.pread(-1, 1, 0))
                with pytest.raises(StorageError, match=rf"{name}: Bad file descriptor"):
                    file.write_at([b"x"], 0)
    assert (tmp_path / "d/a.tar").read_bytes() == b"abcd"
    assert new.entry == storage.stat("d/a.tar")
