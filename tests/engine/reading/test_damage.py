"""Archives whose manifest vouches for nonsense: whoever reads them is told what is damaged, and where."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.archive.published import seal
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.reading.diff import Diff
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import make_project, run

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run(make_project(tmp_path / "project", items=2), tmp_path / "out")
    run(tmp_path / "project", tmp_path / "other", class_maps=True)
    return tmp_path / "out"


def seal_again(out: Path, change: Change) -> None:
    """Change what the manifest says, and have it vouch for itself and the files as they lie there now."""
    index = (out / "export.index.jsonl").read_bytes()
    raw = json.loads((out / "export.manifest.json").read_text())
    del raw["sha256"]
    change(raw)
    storage = open_storage(str(out))
    for told, file in ((raw["index"], "export.index.jsonl"), (raw["volumes"][0], "export.tar")):
        entry = storage.stat(file)
        assert entry is not None
        told |= {"size": entry.size, "identity": entry.identity}
    raw["index"]["sha256"] = sha256(index).hexdigest()
    (out / "export.manifest.json").write_bytes(seal(raw))


def change_line(out: Path, number: int, text: Callable[[dict[str, Any]], str]) -> None:
    lines = (out / "export.index.jsonl").read_text().splitlines()
    lines[number] = text(json.loads(lines[number]))
    (out / "export.index.jsonl").write_text("\n".join(lines) + "\n")
    seal_again(out, lambda raw: None)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        "[]",
        "NaN",
        {"item": None},
        {"source": None},
        {"source": {"input": "0", "dataset": "ds0", "name": "0001.png"}},
        {"source": {"input": 0, "dataset": 7, "name": "0001.png"}},
        {"members": 7},
        {"members": [7]},
        {"members": [{"kind": {}, "name": "x", "sha256": "y"}]},
        {"pixels": []},
        {"pixels": {"box": ""}},
        {"height": [[]]},
        {"split": 7},
    ],
    ids=str,
)
def test_a_line_of_the_index_that_is_none_is_named(out: Path, line: Any) -> None:
    change_line(out, 1, lambda raw: line if isinstance(line, str) else json.dumps(raw | line))
    archive, other = open_archive(str(out / "export.tar")), open_archive(str(out.parent / "other/export.tar"))
    for read in (
        lambda: archive["ds0/0001.png"],
        lambda: archive.datasets,
        lambda: archive.dataset("ds0"),
        lambda: Diff(archive, other).to_json(),
    ):
        with pytest.raises(ArchiveError, match=r"export.index.jsonl: line 2 is damaged"):
            read()


MEMBER = {"kind": "img", "name": "ds0/img/0001.png", "offset": 0, "size": 0, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "place",
    [{"volume": 1}, {"offset": 2**63}, {"size": 10**6}, {"members": [MEMBER | {"offset": 2**63}]}],
    ids=str,
)
def test_an_item_lies_where_the_archive_has_bytes(out: Path, place: dict[str, Any]) -> None:
    change_line(out, 1, lambda raw: json.dumps(raw | place))
    archive = open_archive(str(out / "export.tar"))
    assert archive[0].picture.size
    with pytest.raises(ArchiveError, match=r"line 2 is damaged \(it names bytes that are none of its volume\)"):
        _ = archive[1].picture


@pytest.mark.parametrize(
    "told", [{"settings": None}, {"settings": "x"}, {"settings": {"options": 7}}, {"splits": 7}, {"splits": "x"}]
)
def test_a_manifest_with_options_or_shares_that_are_none_is_not_used(out: Path, told: dict[str, Any]) -> None:
    seal_again(out, lambda raw: raw.update(told))
    with pytest.raises(ArchiveError, match="the manifest is damaged"):
        open_archive(str(out / "export.tar"))


def damage(file: Path, found: bytes, by: bytes) -> None:
    content = file.read_bytes()
    assert len(found) == len(by)
    assert found in content
    file.write_bytes(content.replace(found, by, 1))
    seal_again(file.parent, lambda raw: None)


def test_a_head_or_an_annotation_that_is_damaged_is_named_though_no_hash_is_compared(out: Path) -> None:
    damage(out / "export.tar", b"ustar", b"\xff\xff\xff\xff\xff")
    with pytest.raises(ArchiveError, match="does not begin as an archive"):
        _ = open_archive(str(out / "export.tar")).meta


@pytest.mark.parametrize("content", [b"[7]", b"{"])
def test_a_meta_and_an_annotation_that_are_no_objects_are_named(out: Path, content: bytes) -> None:
    archive = out / "export.tar"
    with tarfile.open(archive) as tar:
        places = {one.name: (one.offset_data, one.size) for one in tar}
    whole = bytearray(archive.read_bytes())
    for name in ("meta.json", "ds0/ann/0000.png.json"):
        start, size = places[name]
        whole[start : start + size] = content.ljust(size)
    archive.write_bytes(whole)
    seal_again(out, lambda raw: None)
    opened = open_archive(str(archive))
    with pytest.raises(ArchiveError, match=r"meta.json: does not parse"):
        _ = opened.meta
    with pytest.raises(ArchiveError, match=r"ann/0000.png.json: does not parse"):
        _ = opened[0].annotation
