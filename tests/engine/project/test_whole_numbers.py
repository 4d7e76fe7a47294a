"""Whole numbers above 64 bits: what is handed on comes out as it came."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import orjson
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.errors import BadItemsError
from airflow_savemasks.engine.project import whole_numbers
from tests.engine.samples import CLASSES, make_project, members, run

HUGE = 10**25 + 1
EDGES = [2**63 - 1, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 10**18, 10**19, HUGE]


@pytest.mark.parametrize("number", EDGES)
def test_a_number_is_read_and_written_as_it_is(number: int) -> None:
    text = b'{"a":[1.5,%d,"x"]}' % number
    assert whole_numbers.loads(text) == {"a": [1.5, number, "x"]}
    assert whole_numbers.dumps(whole_numbers.loads(text)) == text


def test_it_is_written_as_orjson_writes_all_else() -> None:
    data = {"b": [1, 2.5, "я"], "a": {"c": None}, "numpy": np.arange(3)}
    for option in (0, orjson.OPT_INDENT_2, orjson.OPT_SORT_KEYS):
        wanted = orjson.dumps({**data, "z": 0}, option=option | orjson.OPT_SERIALIZE_NUMPY)
        written = whole_numbers.dumps({**data, "z": HUGE}, option | orjson.OPT_SERIALIZE_NUMPY)
        assert written.replace(b"%d" % HUGE, b"0") == wanted
    with pytest.raises(TypeError, match="not JSON serializable"):
        whole_numbers.dumps({"a": object()})


@pytest.mark.parametrize("text", [b"%d" % HUGE, b'"%d"' % HUGE, b"[%d]" % HUGE])
def test_a_file_that_is_nothing_else_is_read(text: bytes) -> None:
    assert whole_numbers.loads(text) == json.loads(text)


def huge_project(root: Path) -> Path:
    make_project(root, items=2)
    tags = [{"name": "cam", "value_type": "any_number", "id": HUGE}]
    meta = {"classes": [{**CLASSES[0], "id": HUGE}, *CLASSES[1:]], "tags": tags}
    (root / "meta.json").write_text(json.dumps(meta))
    path = root / "ds0/ann/0000.png.json"
    raw = json.loads(path.read_text())
    raw |= {"tags": [{"name": "cam", "value": -HUGE}], "customBigData": {"a": [HUGE]}, "imageId": HUGE}
    raw["objects"][0] |= {"id": HUGE, "tags": [{"name": "cam", "value": HUGE, "id": HUGE}]}
    path.write_text(json.dumps(raw))
    return root


@pytest.mark.parametrize("redact", [False, True])
def test_an_annotation_and_a_meta_are_handed_on_with_theirs(tmp_path: Path, redact: bool) -> None:
    project = huge_project(tmp_path / "project")
    archive = run(project, tmp_path / "out", redact=redact)["archive"]
    files = members(archive)
    written = json.loads(files["ds0/ann/0000.png.json"])
    assert written["tags"][0]["value"] == -HUGE
    assert written["customBigData"] == {"a": [HUGE]}
    assert written["imageId"] == HUGE
    label = written["objects"][0]
    assert (label["id"], label["tags"][0]["value"], label["tags"][0]["id"]) == (HUGE, HUGE, HUGE)
    assert written["objects"][1]["classId"] == HUGE
    meta = json.loads(files["meta.json"])
    assert meta["tags"][0]["id"] == meta["classes"][0]["id"] == HUGE
    opened = open_archive(archive)
    assert opened[0].annotation == written
    assert opened.meta == meta
    run(project, tmp_path / "again", redact=redact, workers=2)
    assert (tmp_path / "again/export.tar").read_bytes() == (tmp_path / "out/export.tar").read_bytes()


def test_a_point_that_far_away_is_drawn_as_before(tmp_path: Path) -> None:
    project = huge_project(tmp_path / "project")
    path = project / "ds0/ann/0000.png.json"
    raw = json.loads(path.read_text())
    masks = []
    for far in (5e18, 5 * 10**18):
        raw["tags"] = [{"name": "cam", "value": HUGE}]
        raw["objects"][0]["points"]["exterior"] = [[1, 1], [far, 20]]
        path.write_text(json.dumps(raw))
        files = members(run(project, tmp_path / f"out{len(masks)}")["archive"])
        masks.append(files["ds0/masks_machine/0000.png"])
    assert masks[0] == masks[1]


def test_what_is_nested_too_deep_is_refused_with_its_place(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=1)
    path = project / "ds0/ann/0000.png.json"
    path.write_text(path.read_text().replace("{", '{"a": %s, ' % ("[" * 250 + "1" * 30 + "]" * 250), 1))
    with pytest.raises(BadItemsError, match="broken JSON .long numbers, and nested too deep"):
        run(project, tmp_path / "out")
