"""Each option of masks, pictures, shares and layout with a value of its own, and a project on which it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.storage.base import Storage
from tests.engine.samples import CLASSES, add_item, layer, make_project

HALVES = {"shares": [["a", 0.5], ["b", 0.5]], "seed": "2"}
EVERYTHING: dict[str, Any] = {
    "machine_png": "palette", "unlisted": "auto", "overlap": "area", "line_width": 3, "instances": "ids",
    "semantic": True, "class_maps": True, "redact": True, "split": HALVES | {"by": "tag:cam"},
    "human": {"format": "jpeg", "layout": "overlay", "max_side": 32, "alpha": 0.25, "quality": 80},
    "pick": {"datasets": ["ds0", "other"], "tags": ["cam"], "labelled": True},
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "palette": {"machine_png": "palette", "unlisted": "auto"},
    "gray16": {"machine_png": "gray16", "unlisted": "auto"},
    "drawn otherwise": {"overlap": "area", "line_width": 5},
    "human": {"human": {"format": "jpeg", "max_side": 32}},
    "ids": {"instances": "ids"},
    "files": {"instances": "files", "class_maps": True, "semantic": True},
    "pick": {"pick": {"classes": ["leaf"], "tags": ["cam"]}},
    "split": {"split": HALVES},
    "split in volumes": {"split": HALVES | {"by": "dataset"}, "volume_size": 30_000, "class_maps": True},
    "redact": {"redact": True},
    "shards": {"layout": "webdataset", "split": HALVES, "volume_size": 30_000, "class_maps": True},
    "everything": EVERYTHING,
    "everything in shards": EVERYTHING | {"layout": "webdataset", "volume_size": 30_000},
}
COLORS = layer(gt_machine_color={"leaf": [3, 3, 3]}, gt_human_color={"leaf": [9, 200, 3]})


def make_full_project(root: Path, items: int) -> Path:
    """Datasets, tags with values, people, classes that the layer does not list; a third of the pictures has no tag.

    items: of each of three datasets.
    """
    make_project(root, items=0)
    meta = {
        "classes": [*CLASSES, {"title": "line", "shape": "line", "color": "#0000FF"}],
        "tags": [{"name": "cam", "value_type": "any_number", "color": "#000000"}],
    }
    (root / "meta.json").write_text(json.dumps(meta))
    for dataset in ("ds0", "other", "other/datasets/below"):
        for kind in ("img", "ann"):
            (root / dataset / kind).mkdir(parents=True, exist_ok=True)
        for number in range(items):
            tag = {"name": "cam", "value": number / 2, "labelerLogin": "anna"}
            add_item(root, f"{number}.{'v2.' * (number % 2)}png", number, dataset, tags=[tag] * (number % 3 > 0))
    return root


def published(storage: Storage) -> dict[str, bytes]:
    """All files but the manifest, which has times; and of that what may not differ."""
    found = {name: storage.read(name) for name in storage.listdir("").files}
    raw = json.loads(found.pop("export.manifest.json"))
    same = {key: raw.get(key) for key in ("splits", "settings")}
    return found | {"manifest": json.dumps(same).encode()}
