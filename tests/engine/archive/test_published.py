"""What a manifest claims of its archive is held against the files, even where somebody sealed a lie."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
        patch.setattr("airflow_savemasks.engine.parts.plan.PART_BYTES", 100_000)
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


def test_places_in_archive_and_index_leave_no_gap(out: Path) -> None:
    good = manifest(out)
    for key in ("offset", "index_offset"):
        raw = copy.deepcopy(good)
        raw["parts"][1][key] += 1
        assert f"export.tar: the manifest leaves a gap before byte {raw['parts'][1]['offset']}" in said(out, raw)
    raw = copy.deepcopy(good)
    raw["parts"][-1]["size"] -= 512
    end, size = raw["parts"][-1]["offset"] + raw["parts"][-1]["size"], (out / "export.tar").stat().st_size
    assert f"1 differences:\n  export.tar: its parts end at byte {end} of {size}" in said(out, raw)
    raw = copy.deepcopy(good)
    raw["parts"][-1]["index_size"] -= 1
    size = raw["index"]["size"]
    assert f"1 differences:\n  export.index.jsonl: its parts end at byte {size - 1} of {size}" in said(out, raw)


def reseal_index(out: Path, change: Callable[[bytes], bytes], raw: dict[str, Any]) -> str:
    path = out / "export.index.jsonl"
    good = path.read_bytes()
    bad = change(good)
    assert len(bad) == len(good)
    path.write_bytes(bad)
    raw["index"]["sha256"] = hashlib.sha256(bad).hexdigest()
    told = said(out, raw)
    path.write_bytes(good)
    return told


def test_an_index_that_tells_another_checksum_than_the_archive_has_is_the_one_that_differs(out: Path) -> None:
    raw = manifest(out)
    size = raw["parts"][0]["index_size"]
    between = f"export.index.jsonl: differs between bytes 0 and {size}"

    def another_sum(index: bytes) -> bytes:
        at = index.index(b'"crc32":') + 8
        return index[:at] + (b"1" if index[at : at + 1] != b"1" else b"2") + index[at + 1 :]

    assert f"1 differences:\n  {between}" in reseal_index(out, another_sum, raw)


def test_a_damaged_line_of_the_index_is_named_with_its_place(out: Path) -> None:
    raw = manifest(out)
    first, second = raw["parts"][0]["index_size"], raw["parts"][1]["index_size"]
    for old, new in ((b'"members"', b'"numbers"'), (b'"name"', b'"nane"'), (b'"crc32":', b'"crc32" ')):

        def change(index: bytes, old: bytes = old, new: bytes = new) -> bytes:
            return index[:first] + index[first:].replace(old, new, 1)

        told = reseal_index(out, change, raw)
        assert f"export.index.jsonl: a line is damaged between bytes {first} and {first + second}" in told
        assert "export.tar" not in told


def test_a_header_of_a_member_is_told_by_the_place_of_its_part(out: Path) -> None:
    raw = manifest(out)
    part = raw["parts"][1]
    path = out / "export.tar"
    good = path.read_bytes()
    for place in (part["offset"], part["offset"] + 511):
        bad = bytearray(good)
        bad[place] ^= 1
        path.write_bytes(bad)
        end = part["offset"] + part["size"]
        assert f"export.tar: a tar header differs between bytes {part['offset']} and {end}" in said(out)


def test_of_many_differences_a_hundred_are_spelled_out_and_all_are_counted(out: Path) -> None:
    path = out / "export.tar"
    bad = bytearray(path.read_bytes())
    starts = {part["digest"]: part["offset"] for part in manifest(out)["parts"]}
    places = [
        starts[item["part"]] + member["offset"]
        for item in map(json.loads, (out / "export.index.jsonl").read_text().splitlines())
        for member in item["members"]
    ]
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
        (lambda raw: raw.update(format=3), "it has the format 3, and 2 is read here"),
        (lambda raw: raw["parts"][0].update(volume="other.tar"), "names files that are not those of its archive"),
        (lambda raw: raw["volumes"][0].update(file="other.tar"), "names files that are not those of its archive"),
        (lambda raw: raw["index"].update(file="other.jsonl"), "names files that are not those of its archive"),
        (lambda raw: raw["index"].update(size=-1), "greater than or equal to 0"),
        (lambda raw: raw["index"].update(size="5"), "valid integer"),
        (lambda raw: raw["parts"][0].update(offset=-1), "greater than or equal to 0"),
        (lambda raw: raw["parts"][0].pop("offset"), "valid integer"),
        (lambda raw: raw["parts"][0].update(size=1.0), "valid integer"),
        (lambda raw: raw["parts"][0].update(digest="../x"), "string should match|String should match"),
        (lambda raw: raw["plan"].update(window=-1), "greater than or equal to 0"),
        (lambda raw: raw["totals"].update(items=-1), "greater than or equal to 0"),
        (lambda raw: raw["totals"].update(bytes="1"), "valid integer"),
        (lambda raw: raw.update(volumes=[]), "at least 1 item"),
    ],
)
def test_what_a_manifest_may_say_is_bounded(out: Path, change: Callable[[Any], Any], match: str) -> None:
    raw = manifest(out)
    read = parse_manifest(seal(raw), "another")
    assert (read.items, read.index.file, list(read.volumes)) == (30, "another.index.jsonl", ["another.tar"])
    assert read.window == raw["plan"]["window"]
    change(raw)
    with pytest.raises(ValueError, match=match):
        parse_manifest(seal(raw), "another")
