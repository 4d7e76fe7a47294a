"""Memory and time stay bounded whatever an annotation, a bitmap or meta.json says."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.geometry.bitmap_coding import encode_alpha, encode_channels, encode_mask
from airflow_savemasks.engine.image.png_container import SIGNATURE, chunk
from tests.engine.samples import exported, members
from tests.hostile.harness import BOTH, MACHINE_ONLY, bitmap, deflated_zeros, make, put, refused, run_export


def flat(height: int, width: int) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), 77, np.uint8))[1].tobytes()


def packed_png(width: int, height: int, depth: int, color: int, line: int, extra: bytes = b"") -> bytes:
    """zlib(PNG) of zero pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    stream = deflated_zeros(height * line)
    return zlib.compress(SIGNATURE + header + extra + chunk(b"IDAT", stream) + chunk(b"IEND", b""), 9)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


@pytest.mark.parametrize("key", ["bitmap", "alpha_mask", "multichannelBitmap"])
def test_a_zlib_bomb_in_a_label_is_not_inflated(project: Path, tmp_path: Path, key: str) -> None:
    bomb = deflated_zeros(1 << 30)
    label = bitmap(bomb, title="any", key="multichannelBitmap" if key == "multichannelBitmap" else "bitmap")
    label["geometryType"] = key
    put(project, "a.png", flat(40, 40), (40, 40), [label])
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400, seconds=30)
    refused(found, "is bad, first", "ds0/a.png", "label 0")


def test_a_png_in_a_label_that_inflates_beyond_its_header_is_refused(project: Path, tmp_path: Path) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 6, 0, 0, 0))
    stream = deflated_zeros(1 << 30)
    png = SIGNATURE + header + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    put(project, "a.png", flat(40, 40), (40, 40), [bitmap(zlib.compress(png))])
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), "label 0")


def test_twenty_bitmaps_of_16384_by_16384_are_refused_by_their_headers(project: Path, tmp_path: Path) -> None:
    palette = chunk(b"PLTE", b"\0\0\0\xff\xff\xff") + chunk(b"tRNS", b"\0")
    data = packed_png(16384, 16384, 1, 3, 2049, palette)
    put(project, "a.png", flat(40, 40), (40, 40), [bitmap(data)] * 20)
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400)
    refused(found, "268,435,456 pixels of a bitmap", "bitmap_pixels")


def test_a_bitmap_at_the_limit_stays_below_the_bound(project: Path, tmp_path: Path) -> None:
    mask = np.zeros((10_000, 12_000), bool)
    mask[5, 7] = mask[-1, -1] = True
    label = bitmap(base64.b64decode(encode_mask(mask)))
    put(project, "a.png", flat(40, 40), (40, 40), [label] * 6)
    found = run_export(project, tmp_path / "out", BOTH)
    assert found.code == 0, found.errors


def test_a_thousand_bitmaps_as_large_as_their_picture_take_the_memory_of_a_few(project: Path, tmp_path: Path) -> None:
    size = (1500, 2000)
    mask = np.zeros(size, bool)
    labels = []
    for number in range(1000):
        mask[number % 1500, :] ^= True
        mask[0, 0] = mask[-1, -1] = True
        labels.append(bitmap(base64.b64decode(encode_mask(mask))))
    put(project, "a.png", flat(*size), size, labels)
    found = run_export(project, tmp_path / "out", BOTH, megabytes=700)
    assert found.code == 0, found.errors


def test_alpha_masks_as_large_as_their_picture_are_blended_bit_by_bit(project: Path, tmp_path: Path) -> None:
    size = (6000, 8000)
    alpha = np.full(size, 130, np.uint8)
    label = bitmap(base64.b64decode(encode_alpha(alpha)), title="any")
    label["geometryType"] = "alpha_mask"
    put(project, "a.png", flat(*size), size, [label] * 3)
    found = run_export(project, tmp_path / "out", BOTH)
    assert found.code == 0, found.errors


def test_forgotten_bitmaps_are_drawn_and_written_as_they_came(project: Path, tmp_path: Path, monkeypatch) -> None:
    from airflow_savemasks.engine.project import annotation
    from tests.engine.samples import run

    rng = np.random.default_rng(5)
    masks = [rng.random((30, 40)) > 0.5 for _ in range(6)]
    labels = [bitmap(base64.b64decode(encode_mask(mask)), (at * 3 - 5, at)) for at, mask in enumerate(masks)]
    alpha = bitmap(base64.b64decode(encode_alpha(rng.integers(0, 255, (30, 40), np.uint8))), (25, 8), "any")
    channels = {"origin": [30, 30], "data": encode_channels(np.ones((9, 30, 2), np.float32))}
    many = {"classTitle": "any", "tags": [], "geometryType": "multichannelBitmap", "multichannelBitmap": channels}
    put(project, "a.png", flat(40, 50), (40, 50), [*labels, {**alpha, "geometryType": "alpha_mask"}, many])
    held = Path(run(project, tmp_path / "held", BOTH)["archive"]).read_bytes()
    monkeypatch.setattr(annotation, "HELD", 0)
    assert Path(run(project, tmp_path / "forgotten", BOTH)["archive"]).read_bytes() == held


def test_a_multichannel_bitmap_whose_header_promises_too_much_is_refused(project: Path, tmp_path: Path) -> None:
    for shape, words in (((100_000, 100_000, 4), "bitmap_bytes"), ((40, 40, 2), "bytes, where its header says")):
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": shape})
        put(
            project,
            "a.png",
            flat(40, 40),
            (40, 40),
            [bitmap(zlib.compress(head.getvalue()), key="multichannelBitmap", title="any")],
        )
        refused(run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), words)


def test_an_annotation_of_too_many_bytes_or_values_is_refused_before_it_is_parsed(
    project: Path, tmp_path: Path
) -> None:
    put(project, "a.png", flat(40, 40), (40, 40), [])
    file = project / "ds0/ann/a.png.json"
    file.write_bytes(b"[" + b"[]," * 20_000_000 + b"[]]")
    refused(
        run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400),
        "values in an annotation",
        "annotation_values",
    )
    with file.open("wb") as out:
        out.truncate(4 << 30)
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), "bytes of an annotation's file")


def test_a_picture_and_a_meta_of_gigabytes_are_not_read(project: Path, tmp_path: Path) -> None:
    put(project, "a.png", flat(40, 40), (40, 40), [])
    with (project / "ds0/img/a.png").open("r+b") as out:
        out.truncate(3 << 30)
    refused(
        run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), "bytes of a picture's file", "picture_bytes"
    )
    with (project / "meta.json").open("r+b") as out:
        out.truncate(3 << 30)
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), "bytes of meta.json")


def test_json_nested_without_end_is_a_bad_item_or_a_bad_project(project: Path, tmp_path: Path) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    put(project, "a.png", flat(40, 40), (40, 40), [])
    for data in (
        b'{"size":{"height":40,"width":40},"tags":[],"objects":[],"customBigData":' + deep + b"}",
        b"[" * 1_000_000,
        b'{"size":{"height":40,"width":40},"tags":[],"objects":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ):
        (project / "ds0/ann/a.png.json").write_bytes(data)
        refused(run_export(project, tmp_path / "out", MACHINE_ONLY), "is bad, first", "ds0/a.png")
    raw = json.loads((project / "meta.json").read_text())
    text = json.dumps({**raw, "projectSettings": "HERE"}).encode().replace(b'"HERE"', deep)
    (project / "meta.json").write_bytes(text)
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY), "meta.json")


def test_more_classes_than_numbers_get_their_colors_or_are_refused(project: Path, tmp_path: Path) -> None:
    count = 66_000
    names = [f"c{number:05d}" for number in range(count)]
    classes = [{"title": name, "shape": "rectangle", "color": "#00FF00"} for name in names]
    (project / "meta.json").write_text(json.dumps({"classes": classes, "tags": []}))
    side = 260
    points = [[[n % side, n // side], [n % side, n // side]] for n in range(count)]
    labels = [
        {"classTitle": name, "tags": [], "points": {"exterior": point, "interior": []}}
        for name, point in zip(names, points, strict=True)
    ]
    colors = {name: [n % 256, n // 256 % 256, 3] for n, name in enumerate(names)}
    raw = {**MACHINE_ONLY, "settings": {"masks_machine": True, "masks_human": False, "gt_machine_color": colors}}
    put(project, "a.png", flat(side, side), (side, side), labels)
    refused(run_export(project, tmp_path / "out", raw), "66,000 classes on one picture", "65,535")
    put(project, "a.png", flat(side, side), (side, side), labels[:65_535])
    found = run_export(project, tmp_path / "out", raw)
    assert found.result, found.errors
    mask = cv2.imdecode(np.frombuffer(members(found.result["archive"])["ds0/masks_machine/a.png"], np.uint8), 1)
    wanted = np.array([colors[name][::-1] for name in names[:65_535]], np.uint8)
    assert np.array_equal(mask.reshape(-1, 3)[:65_535], wanted)


def test_more_labels_than_the_limit_are_refused_and_the_limit_can_be_raised(project: Path, tmp_path: Path) -> None:
    label = {"classTitle": "box", "tags": [], "points": {"exterior": [[1, 1], [2, 2]], "interior": []}}
    put(project, "a.png", flat(40, 40), (40, 40), [label] * 100_001)
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY), "100,001 labels on a picture", "labels")
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, "--limit", "labels=200000")
    assert found.result
    assert exported(found.result) == 1


@pytest.mark.parametrize("shape", ["polygon", "line"])
@pytest.mark.parametrize("border", [0, 200])
@pytest.mark.parametrize("points", [600, 100_000])
def test_outlines_of_random_points_end_in_time(
    project: Path, tmp_path: Path, points: int, border: int, shape: str
) -> None:
    size = 1000
    outline = np.random.default_rng(2).integers(-border, size + border, (points, 2)).tolist()
    label = {"classTitle": "any", "tags": [], "geometryType": shape, "points": {"exterior": outline, "interior": []}}
    put(project, "a.png", flat(size, size), (size, size), [label])
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, seconds=30)
    if points == 600 or (shape == "line" and not border):
        assert found.code == 0, found.errors
    else:
        refused(found, "crosses itself", "crossings")


def line(points: int, side: int) -> dict[str, Any]:
    outline = np.random.default_rng(2).integers(0, side, (points, 2)).tolist()
    return {"classTitle": "any", "tags": [], "geometryType": "line", "points": {"exterior": outline, "interior": []}}


@pytest.mark.parametrize(("width", "drawn"), [("3", True), ("400", False), ("32767", False)])
def test_wide_lines_end_in_time_or_are_refused(project: Path, tmp_path: Path, width: str, drawn: bool) -> None:
    put(project, "a.png", flat(2000, 2000), (2000, 2000), [line(100_000, 2000)])
    words = ("--line-width", width)
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, *words, seconds=30)
    if drawn:
        assert found.code == 0, found.errors
    else:
        refused(found, "label 0 (class 'any')", "a line_width above 1", "line_pixels")


def test_many_wide_points_and_short_lines_are_refused_together(project: Path, tmp_path: Path) -> None:
    point = {"classTitle": "any", "tags": [], "geometryType": "point", "points": {"exterior": [[9, 9]], "interior": []}}
    put(project, "a.png", flat(2000, 2000), (2000, 2000), [point] * 5000)
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, "--line-width", "3000", seconds=30), "line_pixels")
    assert run_export(project, tmp_path / "out", MACHINE_ONLY, "--line-width", "30", seconds=30).code == 0


def test_a_file_for_each_of_too_many_labels_is_refused(project: Path, tmp_path: Path) -> None:
    label = {"classTitle": "box", "tags": [], "points": {"exterior": [[1, 1], [2, 2]], "interior": []}}
    put(project, "a.png", flat(4000, 4000), (4000, 4000), [label] * 7000)
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, "--instances", "files", seconds=30)
    refused(found, "7000 masks of single labels", "instance_pixels", 'instances="ids"')
    assert run_export(project, tmp_path / "out", MACHINE_ONLY, "--instances", "ids", seconds=30).code == 0


def test_an_outline_of_200_000_points_along_a_thing_is_cut_and_drawn(project: Path, tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    radius = 450 + 40 * np.sin(40 * turn)
    outline = np.stack([500 + radius * np.cos(turn), 30 + radius * np.sin(turn)], axis=1).tolist()
    label = {"classTitle": "leaf", "tags": [], "points": {"exterior": outline, "interior": []}}
    put(project, "a.png", flat(1000, 1000), (1000, 1000), [label])
    found = run_export(project, tmp_path / "out", MACHINE_ONLY, seconds=30)
    assert found.code == 0, found.errors


@pytest.mark.parametrize("shape", ["polygon", "multipolygon", "oriented_bbox"])
def test_edges_from_far_above_are_refused_before_hours_are_spent_on_them(
    project: Path, tmp_path: Path, shape: str
) -> None:
    far = -(2**30)
    ring = {"exterior": [[1, 1], [9, 1], [9, 9]], "interior": [[[2, 2], [3, far], [4, 2]]] * 50}
    own = {
        "polygon": {"points": ring},
        "multipolygon": {"parts": [ring]},
        "oriented_bbox": {"points": [[2, far], [5, 5]], "angle": 0},
    }[shape]
    label = {"classTitle": "any", "tags": [], "geometryType": shape, **own}
    put(project, "a.png", flat(40, 40), (40, 40), [label])
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, seconds=30), "rows_above", "label 0 (class 'any')")
