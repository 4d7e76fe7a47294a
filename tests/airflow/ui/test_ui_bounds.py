"""Where pages, volumes and pieces begin and end, and whose bad items are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui.runs import Run, set_xcom
from tests.engine.samples import LAYER, make_project, run

BROKEN = ("0000", "0002", "0003", "0006", "0007")


@pytest.fixture(scope="module")
def made(team_files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of an archive in volumes that lacks five items."""
    project = make_project(tmp_path_factory.mktemp("several"), 9, "Ds")
    for stem in BROKEN:
        (project / f"Ds/ann/{stem}.png.json").write_text("{")
    return run(project, team_files, {**LAYER, "dst": "several"}, on_bad_item="skip", volume_size=20_000)


@pytest.fixture
def several(shown: Run, made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same in the place of the result of the task."""
    set_xcom(shown, made)
    yield made
    set_xcom(shown, shown.result)


@pytest.fixture
def bad(shown: Run, team_files: Path) -> Iterator[Path]:
    """Five bad items of the task."""
    file = team_files / "shown.bad_items.jsonl"
    file.write_text("".join(json.dumps({"item": f"ds0/{stem}.png"}) + "\n" for stem in BROKEN))
    yield file
    file.unlink()


def test_each_volume_is_downloaded_by_its_number_and_there_is_none_beyond(
    served: Any, admin: Any, shown: Run, several: dict[str, Any]
) -> None:
    assert len(several["volumes"]) > 2
    for number, place in enumerate(several["volumes"], 1):
        answer = served.get(f"{shown.tab}/download/archive?volume={number}", headers=admin)
        assert answer.content == Path(place).read_bytes(), number
        assert answer.headers["content-disposition"].endswith(f"''{Path(place).name}")
    beyond = f"{shown.tab}/download/archive?volume={len(several['volumes']) + 1}"
    assert served.get(beyond, headers=admin).status_code == 404


def test_pages_of_skipped_items_hold_each_once_with_its_reason(
    served: Any, admin: Any, shown: Run, several: dict[str, Any]
) -> None:
    rows = []
    for offset in (0, 2, 4, 6):
        page = served.get(f"{shown.tab}/skipped?offset={offset}&limit=2", headers=admin).json()
        assert (page["total"], page["offset"]) == (5, offset)
        rows += page["rows"]
    assert rows == several["skipped"]
    assert [row["item"] for row in rows] == [f"Ds/{stem}.png" for stem in BROKEN]
    found = served.get(f"{shown.tab}/skipped?q= dS/0006", headers=admin).json()
    assert (found["total"], found["rows"]) == (1, [rows[3]])
    assert served.get(f"{shown.tab}/archive", headers=admin).json()["skipped"] == 5


def test_pages_of_bad_items_hold_each_once(served: Any, admin: Any, shown: Run, bad: Path) -> None:
    names = []
    for offset in (0, 2, 4, 6):
        page = served.get(f"{shown.tab}/bad?offset={offset}&limit=2", headers=admin).json()
        assert (page["total"], page["offset"]) == (5, offset)
        names += [row["item"] for row in page["rows"]]
    assert names == [f"ds0/{stem}.png" for stem in BROKEN]


def test_bad_items_of_a_run_before_are_not_those_of_this_one(served: Any, admin: Any, shown: Run, bad: Path) -> None:
    (task,) = served.get(f"/savemasks/api/{shown.place}/tasks", headers=admin).json()["tasks"]
    began = datetime.fromisoformat(task["started"]).timestamp()
    for age, status in ((-5, 200), (50, 200), (70, 404)):  # another machine's clock may differ by a minute
        os.utime(bad, (began - age,) * 2)
        for asked in ("bad", "download/bad_items"):
            assert served.get(f"{shown.tab}/{asked}", headers=admin).status_code == status, (age, asked)


@pytest.mark.parametrize("listed", ["items", "skipped"])
def test_the_largest_page_and_what_is_larger(served: Any, admin: Any, shown: Run, listed: str) -> None:
    for asked, status in (
        ("limit=200&offset=100000000", 200),
        ("limit=201", 422),
        ("offset=100000001", 422),
        (f"q={'a' * 500}", 200),
        (f"q={'a' * 501}", 422),
    ):
        assert served.get(f"{shown.tab}/{listed}?{asked}", headers=admin).status_code == status, asked


@pytest.mark.parametrize("short", [-1, 0, 1, None])
def test_the_last_piece_of_a_file_is_given_only_where_all_of_it_is_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int | None
) -> None:
    """Also where the file ends with a piece, or one byte before or behind its end. None: pieces of one byte."""
    from airflow_savemasks import open_archive
    from airflow_savemasks.engine.errors import ArchiveError
    from airflow_savemasks.ui import deliver

    project = make_project(tmp_path / "project", 1)
    result = run(project, tmp_path)
    written = (project / "ds0/img/0000.png").read_bytes()
    monkeypatch.setattr(deliver, "PIECE", 1 if short is None else len(written) - short)
    item = open_archive(result["archive"])[0]
    assert b"".join(deliver.pieces(item, "picture")) == written
    _, offset, _ = item.place(item.member("picture"))
    tar = Path(result["archive"])
    before = tar.stat()
    with tar.open("r+b") as file:
        file.seek(offset + len(written) - 1)
        file.write(bytes([written[-1] ^ 1]))
    os.utime(tar, ns=(before.st_atime_ns, before.st_mtime_ns))
    pieces = deliver.pieces(item, "picture")
    got = b""
    with pytest.raises(ArchiveError, match="is not what was written"):
        for piece in pieces:
            got += piece
    assert len(got) == len(written) - 1 if short in (1, None) else got == b""
