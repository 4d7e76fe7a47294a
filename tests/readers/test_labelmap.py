"""labelmap.txt as CVAT and Datumaro take it: by Datumaro's own parser, and a whole data set of our masks.

CVAT's rules are those of its page on the format "Segmentation mask": a line `label:color_rgb:parts:actions` for each
label, comments behind `#`, a label `background` that is black; it parses the file by Datumaro.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airflow_savemasks import open_archive
from tests.engine.samples import CLASSES, make_project, run
from tests.readers.conftest import COLORS

voc = pytest.importorskip(
    "datumaro.plugins.data_formats.voc.format", reason="Datumaro is not installed: make readers (or it did not install)"
)
ODD = ["sea: deep", "background", '#1, "best"', "sea_ deep", "Кот 🐈", "a\nb", "a\r b", "x" * 300, "a:b:c"]
CVAT = re.compile(r"[^:\r\n]+:\d{1,3},\d{1,3},\d{1,3}::")


def labelmap(result: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "labelmap.txt"
    path.write_bytes(open_archive(result["archive"]).root["labelmap.txt"])
    return path


def test_the_parser_of_datumaro_and_the_rules_of_cvat(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    odd = [{"title": title, "shape": "any", "color": f"#0000{n + 1:02x}"} for n, title in enumerate(ODD)]
    (root / "meta.json").write_text(json.dumps({"classes": CLASSES + odd, "tags": []}))
    result = run(root, tmp_path / "out", class_maps=True, unlisted="auto")
    path = labelmap(result, tmp_path)
    found = voc.parse_label_map(str(path))
    assert next(iter(found)) == "background"
    assert len(found) == 1 + len(CLASSES) + len(ODD)
    colors = {"leaf": (0, 255, 0), "box": (255, 0, 0)}
    expected = [(0, 0, 0), *colors.values(), *((0, 0, n + 1) for n in range(len(ODD)))]
    assert [tuple(color) for color, _, _ in found.values()] == expected
    assert not any(parts or actions for _, parts, actions in found.values())
    assert voc.make_voc_categories(found)
    head, *lines = path.read_text("utf-8").splitlines()
    assert head == "# label:color_rgb:parts:actions"
    assert lines[0] == "background:0,0,0::"
    assert all(CVAT.fullmatch(line) for line in lines)
    assert len({line.partition(":")[0] for line in lines}) == len(lines)


def test_datumaro_reads_palette_masks_and_labelmap_as_a_data_set(
    exported: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Masks go as they are into a folder in the form of Pascal VOC; every class has its pixels there again."""
    from datumaro.components.dataset import Dataset

    root = make_project(tmp_path / "p", items=5)
    result = exported(root, machine_png="palette", class_maps=True)
    archive = open_archive(result["archive"])
    folder = tmp_path / "voc"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    labelmap(result, folder)
    names = []
    for number, item in enumerate(archive):
        names.append(f"n{number}")
        (folder / "JPEGImages" / f"n{number}.png").write_bytes(item.bytes("picture"))
        (folder / "SegmentationClass" / f"n{number}.png").write_bytes(item.bytes("machine"))
    (folder / "ImageSets/Segmentation/train.txt").write_text("\n".join(names))
    data = Dataset.import_from(str(folder), "voc_segmentation")
    (labels,) = [kind for name, kind in data.categories().items() if name.name == "label"]
    assert [label.name for label in labels.items] == ["background", *COLORS]
    grays = {"background": 0, "leaf": 100, "box": 200}
    found = {item.id: item for item in data}
    for number, item in enumerate(archive):
        masks = {labels.items[one.label].name: one.image for one in found[f"n{number}"].annotations}
        assert set(masks) == {name for name, gray in grays.items() if (item.machine == gray).any()}
        for name, mask in masks.items():
            assert (mask.astype(bool) == (item.machine == grays[name])).all()


def test_the_list_of_classes_reads_as_a_table(exported: Callable[..., dict[str, Any]]) -> None:
    """classes.csv by pandas, which comes with Datumaro."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: make readers")
    archive = open_archive(exported(class_maps=True)["archive"])
    table = pandas.read_csv(io.BytesIO(archive.root["classes.csv"]))
    assert table.columns.tolist() == ["value", "name", "red", "green", "blue"]
    assert table["name"].tolist() == ["background", "leaf", "box"]
    assert table["value"].tolist() == [0, 100, 200]
    assert np.array_equal(table[["red", "green", "blue"]].to_numpy()[1:], list(COLORS.values()))
