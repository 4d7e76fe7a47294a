"""Small projects on disk for tests, made of random pixels from a seed."""

from __future__ import annotations

import json
import tarfile
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from airflow_savemasks.engine.export import Outcome, export, render_plan
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.opening import open_sources
from airflow_savemasks.engine.parts.plan import PlanFiles
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.planning.plans import keep_plan, make_plan
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.storage.opening import open_storage

CLASSES = [
    {"title": "leaf", "shape": "polygon", "color": "#00FF00"},
    {"title": "box", "shape": "rectangle", "color": "#FF0000"},
]
LAYER: dict[str, Any] = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "export",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"leaf": [100, 100, 100], "box": [200, 200, 200]},
        "gt_human_color": {"leaf": [0, 255, 0], "box": [255, 0, 0]},
    },
}


WORK = folder_of("export")  # the work folder of LAYER's archive, below the root of Team Files


def layer(**changes: Any) -> dict[str, Any]:
    """LAYER with other values; keys of `settings` go there."""
    settings = {**LAYER["settings"], **{k: v for k, v in changes.items() if k in LAYER["settings"]}}
    return {**LAYER, **{k: v for k, v in changes.items() if k not in LAYER["settings"]}, "settings": settings}


def picture(seed: int, width: int = 40, height: int = 30) -> bytes:
    """A PNG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def annotation(seed: int, width: int = 40, height: int = 30, **changes: Any) -> dict[str, Any]:
    """A rectangle and a triangle somewhere in the picture."""
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(0, width // 2)), int(rng.integers(0, height // 2))
    box = [[x, y], [x + width // 3, y + height // 3]]
    triangle = rng.integers(0, min(width, height), (3, 2)).tolist()
    return {
        "description": "",
        "tags": [],
        "size": {"height": height, "width": width},
        "objects": [
            {"classTitle": "box", "tags": [], "points": {"exterior": box, "interior": []}},
            {"classTitle": "leaf", "tags": [], "points": {"exterior": triangle, "interior": []}},
        ],
        **changes,
    }


def make_project(root: Path, items: int = 4, dataset: str = "ds0") -> Path:
    """A project of `items` pictures `0000.png` ... with annotations."""
    for folder in ("img", "ann"):
        (root / dataset / folder).mkdir(parents=True, exist_ok=True)
    (root / "meta.json").write_text(json.dumps({"classes": CLASSES, "tags": []}))
    for number in range(items):
        add_item(root, f"{number:04d}.png", number, dataset)
    return root


def add_item(root: Path, name: str, seed: int, dataset: str = "ds0", **changes: Any) -> None:
    (root / dataset / "img" / name).write_bytes(picture(seed))
    (root / dataset / "ann" / f"{name}.json").write_text(json.dumps(annotation(seed, **changes)))


def job_of(project: Path | str, raw: Any = LAYER, **options: Any) -> Job:
    chosen = Options(**options)
    checked = parse_layer(raw, chosen.unlisted)
    return open_job(checked, open_sources(checked, {checked.inputs[0].name: str(project)}), chosen)


def run(project: Path | str, team_files: Path | Storage, raw: Any = LAYER, **options: Any) -> dict[str, Any]:
    """Export one project to a folder or an opened storage; the result."""
    storage = open_storage(str(team_files)) if isinstance(team_files, Path) else team_files
    return export(job_of(project, raw, **options), storage, threading.Event(), Progress())


def exported(result: dict[str, Any]) -> int:
    """How many items are in the archive of a result."""
    return int(result["items"]["rendered"] + result["items"]["reused"])


def plan_of(job: Job, storage: Storage) -> PlanFiles:
    """A plan whose lists lie in Team Files, as a group's."""
    files = make_plan(job, storage, storage, folder_of(job.layer.dst))
    keep_plan(job, storage, files.plan)
    return files


def render(job: Job, storage: Storage, files: PlanFiles, stop: threading.Event | None = None) -> Outcome:
    """Render what a plan has to be rendered, as a task that is alone does."""
    return render_plan(job, storage, files, stop or threading.Event(), Progress())


def members(archive: Path | str) -> dict[str, bytes]:
    """Name -> content of a tar, in its order."""
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def decoded(png: bytes | list[bytes]) -> np.ndarray[Any, Any]:
    """PNG bytes (or their pieces) -> array as stored; (h, w) for gray, (h, w, 3) RGB for color."""
    png = png if isinstance(png, bytes) else b"".join(png)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return image if image.ndim == 2 else image[:, :, ::-1]
