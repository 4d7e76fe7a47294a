"""Pillow and OpenCV read masks as the values that they are, and show palettes in colours."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks import open_archive
from tests.readers.conftest import COLORS

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: make readers")
GRAYS = {"leaf": 100, "box": 200}


def by_pillow(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


def by_opencv(content: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def test_pillow_reads_a_palette_mask_as_values_and_shows_colours(exported: Callable[..., dict[str, Any]]) -> None:
    archive = open_archive(exported(machine_png="palette")["archive"])
    plain = open_archive(exported()["archive"])
    table = np.zeros((256, 3), np.uint8)
    for name, gray in GRAYS.items():
        table[gray] = COLORS[name]
    seen: set[int] = set()
    for item, other in zip(archive, plain, strict=True):
        mask = by_pillow(item.bytes("machine"))
        values = np.array(mask)
        assert (mask.mode, values.dtype, mask.size) == ("P", np.uint8, item.shape[::-1])
        assert (values == other.machine).all()
        assert (values == item.machine).all()
        assert (np.array(mask.convert("RGB")) == table[values]).all()
        assert "transparency" not in mask.info
        assert (by_opencv(item.bytes("machine"))[:, :, ::-1] == table[values]).all(), "OpenCV has colours only"
        seen |= set(np.unique(values).tolist())
    assert seen == {0, 100, 200}


def test_16_bits_of_gray_are_read_as_values(tmp_path: Path) -> None:
    """With 300 classes, whose values do not fit 8 bits."""
    import json

    from tests.engine.samples import add_item, layer, make_project, run

    root = make_project(tmp_path / "p", items=0)
    classes = [{"title": f"c{n}", "shape": "rectangle", "color": f"#{n:06x}"} for n in range(1, 301)]
    (root / "meta.json").write_text(json.dumps({"classes": classes, "tags": []}))
    boxes = [[[n % 30, n // 30 * 3], [n % 30, n // 30 * 3 + 1]] for n in range(300)]
    objects = [
        {"classTitle": f"c{n + 1}", "tags": [], "points": {"exterior": box, "interior": []}}
        for n, box in enumerate(boxes)
    ]
    add_item(root, "x.png", 1, objects=objects)
    raw = layer(gt_machine_color={}, masks_human=False)
    result = run(root, tmp_path / "out", raw, machine_png="gray16", unlisted="auto", instances="ids")
    item = open_archive(result["archive"])[0]
    expected = np.zeros(item.shape, np.uint16)
    for n, ((left, top), (right, bottom)) in enumerate(boxes):
        expected[top : bottom + 1, left : right + 1] = n + 1
    assert expected.max() == 300
    for kind in ("machine", "instances"):
        for read in (by_pillow, by_opencv):
            values = np.array(read(item.bytes(kind)))
            assert (values == expected).all(), (kind, read)
        assert by_pillow(item.bytes(kind)).mode == "I;16"
        assert by_opencv(item.bytes(kind)).dtype == np.uint16


def test_ids_of_labels_are_read_as_values(small: Path, exported: Callable[..., dict[str, Any]]) -> None:
    item = open_archive(exported(small, instances="ids")["archive"])[0]
    assert item.labels == 300
    for read in (by_pillow, by_opencv):
        ids = np.array(read(item.bytes("instances")))
        assert ids.max() > 255
        for one in item.visible:
            where = np.argwhere(ids == one["id"])
            assert len(where) == one["pixels"]
            box = [*where.min(axis=0)[::-1], *where.max(axis=0)[::-1]] if len(where) else None
            assert one["box"] == box
        assert set(np.unique(ids)) - {0} <= {one["id"] for one in item.visible}


def test_files_of_labels_and_masks_in_colour_are_read_alike(
    small: Path, exported: Callable[..., dict[str, Any]]
) -> None:
    item = open_archive(exported(small, instances="files", semantic=True)["archive"])[0]
    assert len(item.files) == 4 + 300 + 1
    for kind in item.files:
        if kind.startswith("instances/"):
            mask = by_pillow(item.bytes(kind))
            assert mask.mode == "L"
            assert (np.array(mask) == by_opencv(item.bytes(kind))).all()
    for kind in ("human", "semantic"):
        assert by_pillow(item.bytes(kind)).mode == "RGB"
        assert (np.array(by_pillow(item.bytes(kind))) == by_opencv(item.bytes(kind))[:, :, ::-1]).all()


def test_a_jpeg_for_people_is_one_that_pillow_takes_for_a_baseline_one_without_exif(
    small: Path, exported: Callable[..., dict[str, Any]]
) -> None:
    result = exported(small, human={"format": "jpeg", "layout": "overlay", "max_side": 20})
    mask = by_pillow(open_archive(result["archive"])[0].bytes("human"))
    assert (mask.format, mask.mode, mask.size) == ("JPEG", "RGB", (20, 15))
    assert not mask.info.get("progressive")
    assert not mask.getexif()
    assert {part[1:3] for part in mask.layer} == {(1, 1)}, "4:4:4"
