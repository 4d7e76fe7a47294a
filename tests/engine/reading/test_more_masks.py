"""Masks of every kind are read as what was written: values, places, colors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.reading.archive import Archive
from tests.engine.samples import add_item, layer, make_project, members, run


def opened(tmp_path: Path, raw: Any = None, **options: Any) -> Archive:
    root = make_project(tmp_path / "p", items=2)
    for number in range(2):
        boxes = [
            {"classTitle": "box", "tags": [], "points": {"exterior": [[x, 2], [x + 9, 9]], "interior": []}}
            for x in (1, 5, 5)
        ]
        add_item(root, f"{number:04d}.png", number, objects=boxes)
    run(root, tmp_path / "out", raw or layer(), **options)
    return open_archive(str(tmp_path / "out" / "export.tar"))


@pytest.mark.parametrize(("machine_png", "dtype"), [("auto", np.uint8), ("palette", np.uint8), ("gray16", np.uint16)])
def test_machine_masks_are_read_as_values(tmp_path: Path, machine_png: str, dtype: type) -> None:
    item = opened(tmp_path, machine_png=machine_png)[0]
    assert item.machine.dtype == dtype
    assert item.machine.shape == item.shape
    assert set(np.unique(item.machine)) == {0, 200}


def test_a_palette_that_the_layer_did_not_ask_for_is_left_to_opencv(tmp_path: Path) -> None:
    item = opened(tmp_path, machine_png="rgb")[0]
    assert item.machine.shape == (*item.shape, 3)


def test_ids_are_places_and_the_index_says_what_is_visible(tmp_path: Path) -> None:
    archive = opened(tmp_path, instances="ids", semantic=True)
    for item in archive:
        assert set(item.files) == {"picture", "annotation", "human", "machine", "instances", "semantic"}
        found = item.instances
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.uint16
        assert found[5, :16].tolist() == [0, 1, 1, 1, 1, *[3] * 10, 0]
        assert [(one["id"], one["pixels"], one["box"]) for one in item.visible] == [
            (1, 32, [1, 2, 4, 9]),
            (2, 0, None),
            (3, 80, [5, 2, 14, 9]),
        ]
        assert item.semantic[5, 4].tolist() == [255, 0, 0]


def test_files_of_labels_are_read_by_their_names(tmp_path: Path) -> None:
    archive = opened(tmp_path, instances="files")
    tar = members(tmp_path / "out" / "export.tar")
    for item in archive:
        kinds = ["instances/box", "instances/box_01", "instances/box_02"]
        assert list(item.files) == ["picture", "annotation", "human", "machine", *kinds]
        assert all(item.bytes(kind) == tar[name] for kind, name in item.files.items())
        found = item.instances
        assert isinstance(found, dict)
        assert list(found) == ["box", "box_01", "box_02"]
        assert found["box_01"][5, :16].tolist() == [*[0] * 5, *[255] * 10, 0]
        assert item.visible == []


def test_what_was_not_made_is_not_there(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    item = archive[0]
    for kind in ("instances", "semantic"):
        with pytest.raises(ArchiveError, match=f"has no file of kind '{kind}'"):
            getattr(item, kind)
    assert item.visible == []
    assert archive.options == {}
    assert list(archive.root) == ["meta.json"]


def test_a_picture_without_labels_has_no_files_of_labels(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    add_item(root, "0000.png", 1, objects=[])
    run(root, tmp_path / "out", instances="files")
    assert open_archive(str(tmp_path / "out" / "export.tar"))[0].instances == {}


def test_human_masks_are_read_from_jpegs_and_class_maps_by_their_names(tmp_path: Path) -> None:
    archive = opened(tmp_path, human={"format": "jpeg", "layout": "overlay", "quality": 100}, class_maps=True)
    assert archive[0].human.shape == (*archive[0].shape, 3)
    written = cv2.imdecode(np.frombuffer(archive[0].bytes("human"), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(archive[0].human, written[:, :, ::-1])
    assert list(archive.root) == ["meta.json", "obj_class_to_machine_color.json", "labelmap.txt", "classes.csv"]
    assert archive.meta == json.loads(archive.root["meta.json"])
    assert archive.options["class_maps"] is True


def test_everything_is_extracted(tmp_path: Path) -> None:
    opened(tmp_path, instances="files", class_maps=True, semantic=True)
    words = ["-m", "airflow_savemasks", "extract", str(tmp_path / "out/export.tar"), "--out", str(tmp_path / "all")]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    found = {str(path.relative_to(tmp_path / "all")): path.read_bytes() for path in (tmp_path / "all").rglob("*.*")}
    assert found == members(tmp_path / "out" / "export.tar")
