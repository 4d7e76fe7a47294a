"""`verify` finds any byte of archive, index and manifest that is not as it was written, and names its file."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.published import seal
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import layer, make_project, members, run


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.archive.verify.GROUP_ITEMS", 2)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run(make_project(tmp_path / "project", items=6), tmp_path / "out")
    return tmp_path / "out"


def check(out: Path, name: str = "export") -> dict[str, Any]:
    return verify(open_storage(str(out)), name)


@pytest.mark.parametrize("file", ["export.tar", "export.index.jsonl", "export.manifest.json"])
def test_one_flipped_bit_anywhere_is_found_and_the_file_named(out: Path, file: str) -> None:
    path = out / file
    good = path.read_bytes()
    rng = random.Random(file)
    places = {0, 1, len(good) - 1, len(good) - 2, *(rng.randrange(len(good)) for _ in range(150))}
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(ArchiveError, match=file.replace(".", r"\.")):
            check(out)
    path.write_bytes(good)
    assert check(out)["items"] == 6


def test_a_flipped_byte_of_each_member_names_that_member(out: Path) -> None:
    path = out / "export.tar"
    good = path.read_bytes()
    for line in (out / "export.index.jsonl").read_text().splitlines():
        item = json.loads(line)
        start = item["offset"]
        for member in item["members"]:
            bad = bytearray(good)
            bad[start + member["offset"] + member["size"] // 2] ^= 1
            path.write_bytes(bad)
            with pytest.raises(ArchiveError, match=rf"1 differences:\n  export\.tar: {member['name']} differs"):
                check(out)


def test_a_file_that_is_shorter_longer_or_away_is_named(out: Path) -> None:
    for file in ("export.tar", "export.index.jsonl"):
        path = out / file
        good = path.read_bytes()
        for bad in (good[:-1], good + b"\0", good + bytes(512), b""):
            path.write_bytes(bad)
            with pytest.raises(ArchiveError, match=f"{file}: {len(bad)} bytes, expected {len(good)} bytes"):
                check(out)
        path.unlink()
        with pytest.raises(ArchiveError, match=f"{file}: missing"):
            check(out)
        path.write_bytes(good)
    (out / "export.manifest.json").unlink()
    with pytest.raises(ArchiveError, match="no manifest, so the export did not end"):
        check(out)
    with pytest.raises(ArchiveError, match="no such archive"):
        check(out, "another")


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_or_copied_archive_is_checked_itself(out: Path, keep: bool) -> None:
    for file in ("tar", "index.jsonl", "manifest.json"):
        (shutil.copy if keep else shutil.move)(out / f"export.{file}", out / f"best one.{file}")
    assert check(out, "best one")["archive"].endswith("best one.tar")
    bad = bytearray((out / "best one.tar").read_bytes())
    bad[5000] ^= 1
    (out / "best one.tar").write_bytes(bad)
    with pytest.raises(ArchiveError, match=r"best one\.tar: "):
        check(out, "best one")
    if keep:
        check(out)


@pytest.mark.parametrize(
    "name", ["a/b/c", 'it\'s "quoted"', "<b>x</b>", "Фрукты и ягоды " * 3, "ends. ", "-rf", "%2e%2e"]
)
def test_names_of_any_kind_are_exported_reused_and_verified(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / "project", items=3)
    raw = layer(dst=name)
    first = run(project, tmp_path / "out", raw)
    wanted = name.strip()
    assert Path(first["archive"]) == tmp_path / "out" / f"{wanted}.tar"
    assert len(members(first["archive"])) == 13
    assert run(project, tmp_path / "out", raw)["items"]["rendered"] == 0
    assert check(tmp_path / "out", wanted)["items"] == 3


def test_volumes_are_checked_each(tmp_path: Path) -> None:
    result = run(make_project(tmp_path / "project", items=6), tmp_path / "out", volume_size=30_000)
    assert len(result["volumes"]) > 1
    assert check(tmp_path / "out")["bytes"] == sum(Path(path).stat().st_size for path in result["volumes"])
    last = Path(result["volumes"][-1])
    for place in (100, 3000, last.stat().st_size - 5):
        bad = bytearray(last.read_bytes())
        bad[place] ^= 1
        last.write_bytes(bad)
        with pytest.raises(ArchiveError, match=last.name):
            check(tmp_path / "out")
        bad[place] ^= 1
        last.write_bytes(bad)


def test_each_byte_is_read_once(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(str(out))
    read: Counter[str] = Counter()
    stream = storage.stream

    def counted(path: str, offset: int, size: int, known: Any = None) -> Iterator[bytes]:
        for chunk in stream(path, offset, size, known):
            read[path] += len(chunk)
            yield chunk

    monkeypatch.setattr(storage, "stream", counted)
    verify(storage, "export")
    assert read == {file: (out / file).stat().st_size for file in ("export.tar", "export.index.jsonl")}


def sealed(out: Path, **changes: Any) -> None:
    """A manifest that somebody changed and sealed again."""
    raw = json.loads((out / "export.manifest.json").read_text())
    raw.pop("sha256")
    (out / "export.manifest.json").write_bytes(seal(raw | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"volumes": [{"file": "../../etc/passwd", "size": 1, "identity": "x"}]},
        {"volumes": [{"file": "/etc/passwd", "size": 1, "identity": "x"}]},
        {"volumes": []},
        {"volumes": "export.tar"},
        {"index": {"file": "other.jsonl", "size": 1, "identity": "", "sha256": ""}},
        {"format": 1},
        {"name": 7},
        {"plan": {"digest": 7}},
        {"skipped": [{}]},
        {"skipped": [{"item": "ds0/a.png", "reason": "x", "unread": "no"}]},
    ],
)
def test_what_a_manifest_says_is_checked_and_not_trusted(out: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "etc").mkdir()
    sealed(out, **changes)
    with pytest.raises(ArchiveError, match="the manifest cannot be trusted"):
        check(out)
    result = run(tmp_path / "project", out)
    assert result["items"]["reused"] == 0
    assert check(out)["items"] == 6


def test_one_item_is_checked_by_its_range(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(str(out))
    lines = [json.loads(line) for line in (out / "export.index.jsonl").read_text().splitlines()]
    path = out / "export.tar"
    content = bytearray(path.read_bytes())
    content[lines[2]["offset"] + lines[2]["members"][1]["offset"]] ^= 1
    path.write_bytes(content)
    read = []
    stream = storage.stream

    def counted(path: str, offset: int, size: int, known: Any = None) -> Iterator[bytes]:
        read.append((path, offset, size))
        return stream(path, offset, size, known)

    monkeypatch.setattr(storage, "stream", counted)
    assert verify(storage, "export", "ds0/0003.png")["items"] == 1
    assert [one for one in read if one[0] == "export.tar"] == [("export.tar", lines[3]["offset"], lines[3]["size"])]
    with pytest.raises(ArchiveError, match=r"1 differences:\n  .*ds0/img/0002\.png differs"):
        verify(storage, "export", "ds0/0002.png")
    with pytest.raises(ArchiveError, match=r"has no item 'ds0/9\.png'"):
        verify(storage, "export", "ds0/9.png")
