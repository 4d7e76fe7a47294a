"""What a manifest claims of its archive is held against the files, even where somebody sealed a lie."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from airflow_savemasks.engine.archive.published import is_sealed, parse_manifest, seal
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import make_project, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_savemasks.engine.archive.verify.GROUP_ITEMS", 7)
        run(make_project(folder / "project", items=30), folder / "out")
    return folder / "out"


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def manifest(out: Path) -> dict[str, Any]:
    raw = json.loads((out / "export.manifest.json").read_text())
    raw.pop("sha256")
    return raw


def said(out: Path, raw: dict[str, Any] | None = None) -> str:
    """What is told of an archive whose manifest is another, sealed again."""
    if raw is not None:
        (out / "export.manifest.json").write_bytes(seal(raw))
    with pytest.raises(ArchiveError) as found:
        verify(open_storage(str(out)), "export")
    return str(found.value)


def lines_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "export.index.jsonl").read_text().splitlines()]


def reseal(out: Path, lines: list[dict[str, Any]]) -> str:
    """What is told of an archive whose index somebody changed, and sealed with its manifest again."""
    raw = manifest(out)
    bad = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    (out / "export.index.jsonl").write_bytes(bad)
    raw["index"] |= {"size": len(bad), "sha256": hashlib.sha256(bad).hexdigest()}
    return said(out, raw)


def test_items_follow_each_other_from_the_head_to_the_end(out: Path) -> None:
    good = lines_of(out)
    size = (out / "export.tar").stat().st_size
    assert f"export.tar: its items end at byte {good[-1]['offset']} of {size}" in reseal(out, good[:-1])
    for lines in (good[1:], good[:7] + good[8:], [*good[:3], good[4], good[3], *good[5:]], [good[0], *good]):
        assert "does not follow the item before it" in reseal(out, lines)
    moved = copy.deepcopy(good)
    moved[3]["offset"] += 512
    assert "ds0/0003.png does not follow the item before it" in reseal(out, moved)
    moved = copy.deepcopy(good)
    moved[3]["volume"] = 1
    assert "ds0/0003.png does not follow the item before it" in reseal(out, moved)


def test_a_line_that_contradicts_itself_is_named_with_its_place(out: Path) -> None:
    good = lines_of(out)
    at = sum(len(orjson.dumps(line)) + 1 for line in good[:3])
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda line: line.update(size=line["size"] + 512),
        lambda line: line["members"][1].update(offset=line["members"][1]["offset"] + 1),
        lambda line: line["members"].pop(),
        lambda line: line.pop("key"),
        lambda line: line.update(key="x"),
        lambda line: line["members"][0].update(sha256="no sum"),
        lambda line: line.update(offset=-1),
        lambda line: line.update(labels="1"),
    ]
    for change in changes:
        lines = copy.deepcopy(good)
        change(lines[3])
        assert f"export.index.jsonl: the line at byte {at} is damaged" in reseal(out, lines)


def test_a_header_of_a_member_and_what_fills_it_up_are_compared_too(out: Path) -> None:
    line = lines_of(out)[8]
    path = out / "export.tar"
    good = path.read_bytes()
    member = line["members"][1]
    content = line["offset"] + member["offset"]
    places = {
        content - 1: f"the tar header of {member['name']} differs",
        content - 512: f"the tar header of {member['name']} differs",
        content + member["size"]: f"what follows {member['name']} differs",
        content + member["size"] + -member["size"] % 512 - 1: f"what follows {member['name']} differs",
        content: f"{member['name']} differs",
    }
    for place, fact in places.items():
        bad = bytearray(good)
        bad[place] ^= 1
        path.write_bytes(bad)
        assert f"1 differences:\n  export.tar: {fact}" in said(out)


def test_of_many_differences_a_hundred_are_spelled_out_and_all_are_counted(out: Path) -> None:
    path = out / "export.tar"
    bad = bytearray(path.read_bytes())
    places = [item["offset"] + member["offset"] for item in lines_of(out) for member in item["members"]]
    for count in (100, 101, len(places)):
        changed = bytearray(bad)
        for place in places[:count]:
            changed[place] ^= 1
        path.write_bytes(changed)
        told = said(out)
        assert f"{count} differences:" in told
        assert told.count(" differs") == 100
    bad[600] ^= 1
    bad[-1] ^= 1
    path.write_bytes(bad)
    assert "2 differences:\n  export.tar: meta.json differs\n  export.tar: the end of the archive is damaged" in said(
        out
    )


def test_a_seal_is_of_every_byte_and_stands_at_the_end() -> None:
    sealed = seal({"a": 1})
    assert is_sealed(sealed)
    assert json.loads(sealed)["a"] == 1
    for place in range(len(sealed)):
        assert not is_sealed(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
    for odd in (b"", sealed[:-1], sealed + b"\n", b" " + sealed, b"{}\n"):
        assert not is_sealed(odd)
    with pytest.raises(ValueError, match="it is damaged, or of a version before"):
        parse_manifest(sealed[:-1], "export")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda raw: raw.update(format=2), "of another version: it has the format 2, and 3 is read here"),
        (lambda raw: raw["volumes"][0].update(file="other.tar"), "names files that are not those of its archive"),
        (lambda raw: raw["index"].update(file="other.jsonl"), "names files that are not those of its archive"),
        (lambda raw: raw["index"].update(size=-1), "greater than or equal to 0"),
        (lambda raw: raw["index"].update(size="5"), "valid integer"),
        (lambda raw: raw["plan"].update(volume_size=-1), "greater than or equal to 0"),
        (lambda raw: raw["plan"].pop("digest"), "Field required"),
        (lambda raw: raw["skipped"].append({"item": 7, "reason": "", "unread": False}), "valid string"),
        (lambda raw: raw["totals"].update(items=-1), "greater than or equal to 0"),
        (lambda raw: raw["totals"].update(bytes="1"), "valid integer"),
        (lambda raw: raw["totals"].pop("labels"), "Field required"),
        (lambda raw: raw.pop("classes"), "Field required"),
        (lambda raw: raw["classes"][0].pop("name"), "Field required"),
        (lambda raw: raw["classes"][0].update(pixels=-1), "greater than or equal to 0"),
        (lambda raw: raw.update(volumes=[]), "at least 1 item"),
    ],
)
def test_what_a_manifest_may_say_is_bounded(out: Path, change: Callable[[Any], Any], match: str) -> None:
    raw = manifest(out)
    read = parse_manifest(seal(raw), "another")
    assert (read.items, read.index.file, list(read.volumes)) == (30, "another.index.jsonl", ["another.tar"])
    assert read.plan == raw["plan"]["digest"]
    change(raw)
    with pytest.raises(ValueError, match=match):
        parse_manifest(seal(raw), "another")
