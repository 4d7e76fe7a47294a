"""Let the real SDK (`supervisely`) read, draw and write annotations; run by an interpreter that has it, not by pytest.

The SDK cannot be installed beside Airflow, so it lives in an environment of its own. Usage:

    python sdk_masks.py CASES OUT

CASES holds `meta.json`, `ann/NAME.json`, `colors.json` (`{"machine": {class: [r, g, b]}, "human": {...}}`, the colors
of a layer) and optionally pictures `img/NAME.png`. OUT gets for each annotation that the SDK reads and draws:

    NAME.json           the annotation as `Annotation.to_json()` writes it
    NAME.machine.npy    (height, width, 3) uint8 RGB, the machine mask
    NAME.drawing.npy    the same in the human colors
    NAME.human.npy      (height, 2 * width + 1, 3) uint8 RGB, the human mask, where there is a picture

and `verdicts.json`: name -> null, or the error with which the SDK refused the annotation.

The colors of templates and of cuboid_2d classes would win over the layer's (quirk 3 of the format). Nothing here works
around that: the cases have templates without colors and cuboid_2d classes of the layer's color.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# The SDK reads this at import; its log would have a line for every refused label.
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

import cv2
import numpy as np
import supervisely as sly
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colors = dict[str, list[int]]
GREEN = (0, 255, 0)


def draw(ann: sly.Annotation, colors: Colors) -> Image:
    """Draw the labels whose class has a color, in their order, on black."""
    canvas = np.zeros((*ann.img_size, 3), np.uint8)
    for label in ann.labels:
        color = colors.get(label.obj_class.name)
        if color is not None:
            label.draw(canvas, color)
    return canvas


def blend(drawing: Image, picture: Image) -> Image:
    """Put picture, green column and blend side by side; the picture stays where nothing is drawn."""
    mixed = (0.5 * drawing + 0.5 * picture).astype(np.uint8)
    untouched = np.all(drawing == 0, axis=2)
    mixed[untouched] = picture[untouched]
    column = np.full((len(picture), 1, 3), GREEN, np.uint8)
    return np.concatenate([picture, column, mixed], axis=1)


def export(source: Path, picture: Path, meta: sly.ProjectMeta, colors: dict[str, Colors], target: Path) -> None:
    """Write what the SDK makes of one annotation; raises what the SDK raises."""
    ann = sly.Annotation.from_json(json.loads(source.read_text("utf-8")), meta)
    visible = {name: rgb if any(rgb) else [1, 1, 1] for name, rgb in colors["human"].items()}
    machine, drawing = draw(ann, colors["machine"]), draw(ann, visible)
    document = json.dumps(ann.to_json())
    np.save(target.with_name(f"{target.name}.machine.npy"), machine)
    np.save(target.with_name(f"{target.name}.drawing.npy"), drawing)
    if picture.is_file():
        image = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
        np.save(target.with_name(f"{target.name}.human.npy"), blend(drawing, image))
    target.with_name(f"{target.name}.json").write_text(document, "utf-8")


def main(cases: Path, out: Path) -> int:
    """Export every annotation of the folder."""
    out.mkdir(parents=True, exist_ok=True)
    meta = sly.ProjectMeta.from_json(json.loads((cases / "meta.json").read_text("utf-8")))
    colors = json.loads((cases / "colours.json").read_text("utf-8"))
    verdicts: dict[str, Any] = {}
    for source in sorted((cases / "ann").iterdir()):
        try:
            export(source, cases / "img" / f"{source.stem}.png", meta, colors, out / source.stem)
            verdicts[source.stem] = None
        except Exception as error:
            verdicts[source.stem] = repr(error)
    (out / "verdicts.json").write_text(json.dumps(verdicts), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
