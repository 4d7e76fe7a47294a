"""The pictures of docs/masks.md, from a sample: `python tests/tools/masks_page.py` writes docs/images/masks anew.

The sample is the cat of dags/sample/inbox: a bitmap, two polygons and a graph. The archives that the code of the page
opens are those of EXPORTS, by their names.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from airflow_savemasks import open_archive, save_masks
from airflow_savemasks.engine.project.ingest import ingest_pairs

ROOT = Path(__file__).resolve().parents[2]
INBOX, PAGE, IMAGES = ROOT / "dags/sample/inbox", ROOT / "docs/masks.md", ROOT / "docs/images/masks"
ITEM = "pictures/cat.jpg"
TIMES = 25  # what values are multiplied by to be seen: there are 9 classes
ONLY_CAT = {"cat": [5, 5, 5]}

EXPORTS: dict[str, dict[str, Any]] = {  # archive -> options; those of the layer and of the project begin with _
    "plain": {},
    "small": {"human": {"layout": "overlay", "format": "jpeg", "alpha": 0.7, "max_side": 300}},
    "palette": {"machine_png": "palette"},
    "gray16": {"machine_png": "gray16"},
    "thick": {"machine_png": "palette", "line_width": 7},
    "ids": {"instances": "ids"},
    "files": {"instances": "files"},
    "semantic": {"semantic": True, "class_maps": True, "_machine": ONLY_CAT, "_human": {"cat": [155, 93, 229]}},
    "skip": {"machine_png": "palette", "_machine": ONLY_CAT},
    "auto": {"machine_png": "palette", "unlisted": "auto", "_machine": ONLY_CAT},
    "order": {"machine_png": "palette", "_cat_last": True},
    "area": {"machine_png": "palette", "overlap": "area", "_cat_last": True},
    "shards": {"machine_png": "palette", "layout": "webdataset"},
}


def make_archives(folder: Path) -> None:
    """Each of EXPORTS as `<name>.tar` in a folder."""
    projects = {last: _project(folder / f"project{last}", cat_last=last) for last in (False, True)}
    for name, given in EXPORTS.items():
        settings = {
            "masks_machine": True, "masks_human": True,
            "gt_machine_color": given.get("_machine", ""), "gt_human_color": given.get("_human", ""),
        }  # fmt: skip
        layer = {"action": "save_masks", "src": ["$data_1"], "dst": name, "settings": settings}
        options = {key: value for key, value in given.items() if not key.startswith("_")}
        project = projects[given.get("_cat_last", False)]
        save_masks(layer, {"$data_1": str(project)}, str(folder), unknown_colors="warn", **options)
    (folder / "masks_machine").mkdir()
    for name, stem in (("palette", "cat"), ("gray16", "cat.gray16")):  # what the page opens as a file
        content = open_archive(str(folder / f"{name}.tar"))[ITEM].bytes("machine")
        (folder / f"masks_machine/{stem}.png").write_bytes(content)


def pictures(folder: Path) -> dict[str, bytes]:
    """Name -> content of each picture of the page. folder: with the archives."""

    def file(name: str, kind: str) -> bytes:
        return open_archive(str(folder / f"{name}.tar"))[ITEM].bytes(kind)

    def shown(name: str, kind: str, times: int = TIMES) -> bytes:
        values = getattr(open_archive(str(folder / f"{name}.tar"))[ITEM], kind)
        return _png((values * times).astype(np.uint8))

    human = open_archive(str(folder / "plain.tar"))[ITEM].human
    found = {
        "picture.jpg": file("plain", "picture"),
        "human.jpg": cv2.imencode(".jpg", human[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes(),
        "human_small.jpg": file("small", "human"),
        "machine.png": file("plain", "machine"),
        "machine_shown.png": shown("plain", "machine"),
        "gray16.png": file("gray16", "machine"),
        "gray16_shown.png": shown("gray16", "machine"),
        "ids.png": file("ids", "instances"),
        "ids_shown.png": shown("ids", "instances", 60),
        "semantic.png": file("semantic", "semantic"),
    }
    for name in ("palette", "thick", "skip", "auto", "order", "area"):
        found[f"{name}.png"] = file(name, "machine")
    for kind in open_archive(str(folder / "files.tar"))[ITEM].files:
        if kind.startswith("instances/"):
            found[f"files_{kind.partition('/')[2].replace(' ', '_')}.png"] = file("files", kind)
    return found


def blocks() -> list[str]:
    """The Python code of the page, one block after the other; the first one imports what the others use."""
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run_blocks(folder: Path, blocks: list[str]) -> dict[str, dict[str, Any]]:
    """Runs blocks beside the archives; the names that each of them set, by the name of the archive or file it opens."""
    known: dict[str, Any] = {}
    found = {}
    with contextlib.chdir(folder):
        for block in blocks:
            exec(block, known)  # the page's own code
            opened = re.search(r'"([\w./]+)\.(tar|png)"', block)
            found[opened[1] if opened else "first"] = dict(known)
    return found


def _project(root: Path, *, cat_last: bool) -> Path:
    """Of the cat alone. cat_last: its outline is drawn over all else."""
    inbox = root.with_name(f"{root.name}_inbox")
    inbox.mkdir(parents=True)
    for name in ("meta.json", "cat.jpg"):
        shutil.copy(INBOX / name, inbox / name)
    annotation = json.loads((INBOX / "cat.jpg.json").read_bytes())
    annotation["objects"].sort(key=lambda one: cat_last and one["classTitle"] == "cat")
    (inbox / "cat.jpg.json").write_text(json.dumps(annotation))
    ingest_pairs(str(inbox), str(root), "pictures")
    return root


def _png(pixels: Any) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def main() -> None:
    """Writes the pictures; those that the page no longer has go."""
    with tempfile.TemporaryDirectory() as folder:
        make_archives(Path(folder))
        made = pictures(Path(folder))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for path in IMAGES.iterdir():
        path.unlink()
    for name, content in made.items():
        (IMAGES / name).write_bytes(content)
        print(f"{len(content):7d} {name}")


if __name__ == "__main__":
    main()
