"""The list beside an archive is of what that archive leaves out, whatever other exports of its name came to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import BadItemsError
from tests.engine.samples import add_item, make_project, run

BROKEN = b"no picture"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def refused(project: Path, out: Path, name: str, **options: str) -> None:
    """An export that is refused while a picture is broken for a moment."""
    path = project / "ds0/img" / name
    was, seen = path.read_bytes(), path.stat()
    path.write_bytes(BROKEN)
    with pytest.raises(BadItemsError):
        run(project, out, **options)
    path.write_bytes(was)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


@pytest.mark.parametrize("machine_png", ["auto", "palette"])
def test_an_archive_without_bad_items_has_no_list_of_an_export_that_was_refused(
    project: Path, tmp_path: Path, machine_png: str
) -> None:
    out = tmp_path / "out"
    run(project, out)
    refused(project, out, "0001.png", machine_png=machine_png)
    assert (out / "export.bad_items.jsonl").exists()
    for _ in range(2):
        assert run(project, out)["unchanged"]
        assert not (out / "export.bad_items.jsonl").exists()


def test_a_list_that_another_export_replaced_is_written_again(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (project / "ds0/img/0001.png").write_bytes(BROKEN)
    skipped = run(project, out, on_bad_item="skip")["skipped"]
    refused(project, out, "0002.png", machine_png="palette")
    for damage in (None, b"{", b""):
        if damage is not None:
            (out / "export.bad_items.jsonl").write_bytes(damage)
        assert run(project, out, on_bad_item="skip")["unchanged"]
        (line,) = map(json.loads, (out / "export.bad_items.jsonl").read_bytes().splitlines())
        assert line["item"] == "ds0/0001.png"
        assert line["fact"] == skipped[0]["reason"]
    add_item(project, "0001.png", 1)
    run(project, out, on_bad_item="skip")
    assert not (out / "export.bad_items.jsonl").exists()
