"""Let the real SDK tell areas, draw other widths, and the largest label first; run by an interpreter that has it.

    python sdk_kinds.py CASES OUT

CASES as in sdk_masks.py. `width_of` says the width for each annotation. OUT gets for each one that the SDK reads and
draws NAME.labels.json, a list of class, area and the digest and number of pixels that the label covers, in the order of
the annotation, and NAME.machine.npy, (height, width, 3) uint8 RGB, drawn from the largest label to the smallest.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("LOG_LEVEL", "CRITICAL")

import numpy as np
import supervisely as sly

WIDTHS = (1, 2, 3, 4, 5, 8, 31)


def width_of(name: str) -> int:
    """The line width of an annotation, by its name."""
    return WIDTHS[zlib.crc32(name.encode()) % len(WIDTHS)]


def area_of(label: Any) -> float:
    return 0 if isinstance(label.geometry, sly.AnyGeometry) else float(label.area)


def covered(label: Any, shape: tuple[int, int], width: int) -> Any:
    """(height, width) bool: what the label covers, drawn in numbers."""
    canvas = np.zeros((*shape, 3), np.uint8)
    if isinstance(label.geometry, sly.AlphaMask):
        data, origin = label.geometry.data, label.geometry.origin
        out = np.zeros(shape, np.bool_)
        out[origin.row : origin.row + data.shape[0], origin.col : origin.col + data.shape[1]] = data > 0
        return out
    label.draw(canvas, [255, 255, 255], thickness=width)
    return canvas.any(axis=2)


def export(source: Path, meta: Any, colors: dict[str, list[int]], target: Path) -> None:
    ann = sly.Annotation.from_json(json.loads(source.read_text("utf-8")), meta)
    width = width_of(source.stem)
    told = []
    for label in ann.labels:
        mask = covered(label, ann.img_size, width)
        told.append([label.obj_class.name, area_of(label), zlib.crc32(np.packbits(mask)), int(mask.sum())])
    canvas = np.zeros((*ann.img_size, 3), np.uint8)
    for label in sorted(ann.labels, key=area_of, reverse=True):
        if label.obj_class.name in colors:
            label.draw(canvas, colors[label.obj_class.name], thickness=width)
    np.save(target.with_name(f"{target.name}.machine.npy"), canvas)
    target.with_name(f"{target.name}.labels.json").write_text(json.dumps(told), "utf-8")


def main(cases: Path, out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    meta = sly.ProjectMeta.from_json(json.loads((cases / "meta.json").read_text("utf-8")))
    colors = json.loads((cases / "colours.json").read_text("utf-8"))["machine"]
    for source in sorted((cases / "ann").iterdir()):
        try:
            export(source, meta, colors, out / source.stem)
        except Exception as error:
            (out / f"{source.stem}.refused").write_text(repr(error), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
