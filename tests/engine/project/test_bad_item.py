"""Whatever goes wrong with one item is a bad item; what goes wrong with the machine or a setting is not."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems
from airflow_savemasks.engine.errors import BadItemsError, ItemError, Stopped, StorageError
from airflow_savemasks.engine.geometry.crossings import estimate_crossings
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import annotation, exported, make_project, picture, run

BROKEN = [
    *(zlib.error("bad data"), EOFError(), TypeError("no"), MemoryError(), KeyError("points"), RecursionError("deep")),
    *(OverflowError("big"), AttributeError("x"), cv2.error("resize")),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_an_error_that_nobody_foresaw_names_the_place_its_type_and_a_fix(error: Exception) -> None:
    error.add_note("label 7")
    with pytest.raises(ItemError) as found, as_bad_item("project, ds0/a.png"):
        raise error
    assert found.value.where == "project, ds0/a.png, label 7"
    assert type(error).__name__.rpartition(".")[2] in found.value.problem
    assert "report it" in found.value.fix


def test_what_opencv_refuses_is_told_in_its_words_without_files_of_the_machine_that_it_was_made_on() -> None:
    with pytest.raises(ItemError) as found, as_bad_item("project, ds0/a.png"):
        cv2.resize(np.zeros((0, 0), np.uint8), (3, 3))
    assert found.value.problem == "error: !ssize.empty()"


def test_the_traceback_of_what_nobody_foresaw_is_in_the_log_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "airflow_savemasks")
    with pytest.raises(ItemError), as_bad_item("project, ds0/a.png"):
        raise TypeError("no")
    assert "Traceback" in caplog.text
    assert "test_bad_item.py" in caplog.text


@pytest.mark.parametrize("error", [OSError("disk"), ImportError("no cv2"), Stopped(), StorageError("a", "b", "c")])
def test_errors_of_the_machine_the_storage_and_a_stop_pass(error: Exception) -> None:
    with pytest.raises(type(error)), as_bad_item("here"):
        raise error


def test_a_value_error_is_a_fact_of_its_own() -> None:
    with pytest.raises(ItemError, match="here: too wide. Replace the picture"), as_bad_item("here"):
        raise ValueError("too wide")


OBJECTS: list[Any] = [
    7,
    None,
    {"classTitle": "box"},
    {"classTitle": "box", "tags": {}},
    {"classTitle": "box", "tags": [], "points": None},
    {"classTitle": "box", "tags": [], "points": {"exterior": [[0, 0]], "interior": []}},
    {"classTitle": "box", "tags": [], "points": {"exterior": [["a", 0], [1, 1]], "interior": []}},
    {"classTitle": "box", "tags": [], "points": {"exterior": [[10**30, 0], [1, 1]], "interior": []}},
    {"classTitle": "leaf", "tags": [], "points": {"exterior": [[0, 0], [1e300, 1], [2, 2]], "interior": []}},
    {"classTitle": "leaf", "tags": [], "points": {"exterior": [], "interior": []}},
    {"classTitle": "leaf", "tags": [], "points": {"exterior": [[0, 0], [1, 1], [2, 0]], "interior": [7]}},
    {"classTitle": "leaf", "tags": [7], "points": {"exterior": [[0, 0], [1, 1], [2, 0]], "interior": []}},
    {"classTitle": ["leaf"], "tags": []},
    *(
        {"classTitle": "any", "tags": [], "geometryType": kind, **geometry}
        for kind, geometry in [
            (
                "bitmap",
                {"bitmap": {"origin": [0, 0], "data": base64.b64encode(zlib.compress(b"x" * 99)[:-6]).decode()}},
            ),
            ("bitmap", {"bitmap": {"origin": [0, 0], "data": 7}}),
            ("bitmap", {"bitmap": {"origin": [], "data": ""}}),
            ("bitmap", {"bitmap": [1]}),
            ("alpha_mask", {"bitmap": {"origin": [0, 0], "data": base64.b64encode(b"nothing").decode()}}),
            ("multichannelBitmap", {"multichannelBitmap": {"origin": [0, 0], "data": "AAAA"}}),
            ("graph", {"nodes": {"a": {"loc": [0, 0]}}}),
            ("cuboid", {"points": [[0, 0]], "faces": [[0, 0, 0, 9]] * 3}),
            ("cuboid", {"points": [[0, 0]], "faces": [7, 7, 7]}),
            ("cuboid_2d", {"vertices": {"face1-topleft": {"loc": [0, 0]}}}),
            ("oriented_bbox", {"points": [[0, 0], [1, 1]], "angle": "x"}),
            ("oriented_bbox", {"points": [[0, 0], [1, 1]], "angle": 1e400}),
            ("multipolygon", {"parts": [{"exterior": 7}]}),
            ("multipolygon", {"parts": [7]}),
            ("multipolygon", {"parts": [{"exterior": [[0, 0], [1, 1], [2, 2]], "interior": 7}]}),
            ("cuboid_3d", {}),
            (7, {}),
        ]
    ),
]


def test_every_broken_label_is_a_bad_item_that_names_its_number_and_the_rest_is_exported(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=0)
    meta = json.loads((project / "meta.json").read_text())
    meta["classes"].append({"title": "any", "shape": "any", "color": "#000000"})
    (project / "meta.json").write_text(json.dumps(meta))
    good = annotation(1)["objects"]
    for number, broken in enumerate([*OBJECTS, good[0]]):
        name = f"{number:03d}.png"
        (project / "ds0/img" / name).write_bytes(picture(1))
        data = annotation(1, objects=[good[0], broken])
        (project / f"ds0/ann/{name}.json").write_text(json.dumps(data).replace("Infinity", "1e999"))
    found = run(project, tmp_path / "out", on_bad_item="skip")
    assert [entry["item"] for entry in found["skipped"]] == [f"ds0/{number:03d}.png" for number in range(len(OBJECTS))]
    without_a_number = [entry for entry in found["skipped"] if "label 1" not in entry["reason"]]
    assert len(without_a_number) <= 1, without_a_number  # 1e999 is no JSON
    assert exported(found) == 1


@pytest.mark.parametrize(
    "data",
    [
        "",
        "7",
        "[]",
        "{}",
        '{"size": 7}',
        '{"size": {"height": "3", "width": 4}}',
        '{"size": {"height": -3, "width": 4}}',
    ],
)
def test_every_broken_annotation_is_a_bad_item(tmp_path: Path, data: str) -> None:
    project = make_project(tmp_path / "p", items=2)
    (project / "ds0/ann/0001.png.json").write_text(data)
    with pytest.raises(BadItemsError) as found:
        run(project, tmp_path / "out")
    assert found.value.count == 1
    assert "ds0/0001.png" in found.value.errors[0].where


def test_all_bad_items_stand_in_the_file_and_the_first_twenty_in_the_error(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=0)
    for number in range(1030):
        (project / f"ds0/img/{number:04d}.png").write_bytes(b"x")
    with pytest.raises(BadItemsError) as found:
        run(project, tmp_path / "out")
    text = str(found.value)
    assert text.startswith("1030 of 1030 items are bad, first: ")
    assert "0019.png" in text
    assert "0020.png" not in text
    assert "... and 1010 more" in text
    assert str(tmp_path / "out/export.bad_items.jsonl") in text
    assert len((tmp_path / "out/export.bad_items.jsonl").read_text().splitlines()) == 1030
    assert len(found.value.errors) == 1000
    again = pickle.loads(pickle.dumps(found.value))
    assert (str(again), again.count, again.file) == (text, 1030, found.value.file)


def test_more_bad_items_than_memory_should_hold_are_written_all_the_same(tmp_path: Path) -> None:
    bad = BadItems()
    for number in range(20_000):
        bad.add(BadItem(f"ds0/{number}.png", "here", "broken " * 10, "mend it"))
    bad.write(open_storage(str(tmp_path)), "x.bad_items.jsonl")
    lines = (tmp_path / "x.bad_items.jsonl").read_text().splitlines()
    assert [json.loads(line)["item"] for line in lines] == [f"ds0/{number}.png" for number in range(20_000)]


def test_crossings_are_estimated_for_outlines_that_may_have_too_many() -> None:
    rng = np.random.default_rng(4)
    tangled = rng.integers(0, 1000, (3000, 2))
    estimate = estimate_crossings([tangled], 1000)
    assert 0.15 * 3000**2 / 2 < estimate < 0.35 * 3000**2 / 2
    assert estimate == estimate_crossings([tangled], 1000)
    assert estimate_crossings([tangled], 3000**2 // 2) == 0
    turn = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    ring = np.stack([5000 * np.cos(turn), 5000 * np.sin(turn)], axis=1).astype(np.int64)
    assert estimate_crossings([ring, ring // 2], 1000) == 0
    assert estimate_crossings([tangled], 1000, closed=False) > 0
