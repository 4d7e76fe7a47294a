"""Times the steps of what people run today, on the Supervisely SDK. Runs in the environment `sdk`.

    peers.py layer|app|kinds PROJECT OUT.tar --config LAYER.json [--processes N]

layer: the steps of the original layer: each label drawn on a height x width x 3 array, float blend, picture and blend
    side by side with a green column between them, PNG with OpenCV's defaults, the project written to a folder, the
    folder packed as tar.
app: the steps of the application export-as-masks: machine masks drawn from the largest label to the smallest and
    converted to gray with Pillow, human masks blended label by label; folder and tar as above.

kinds: those of `app`, and what that application makes besides: a mask for each label, whole, and semantic masks in the
    colours of meta.json.

--processes: the pictures are dealt out to so many, as a careful user would; the tar is packed by one.

Prints one JSON object: seconds (without imports and without opening the project), cpu_seconds, images, archive_bytes,
peak_bytes (largest resident size, and that of the largest child for each process).
A yardstick, not an oracle: pixels are checked by the test suite.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervisely as sly
from PIL import Image
from supervisely._utils import generate_free_name

Settings = dict[str, Any]
Folders = dict[str, Path]


def draw(annotation: Any, colors: dict[str, Any]) -> Any:
    """Labels in their colors on black, (height, width, 3) uint8."""
    canvas = np.zeros((*annotation.img_size, 3), np.uint8)
    for label in annotation.labels:
        color = colors.get(label.obj_class.name)
        if color is not None:
            label.draw(canvas, color)
    return canvas


def layer_masks(picture: str, annotation: Any, settings: Settings, stem: str, folders: Folders) -> None:
    machine = draw(annotation, settings["gt_machine_color"])
    cv2.imwrite(str(folders["masks_machine"] / f"{stem}.png"), cv2.cvtColor(machine, cv2.COLOR_RGB2BGR))
    human = {name: (1, 1, 1) if max(rgb) == 0 else rgb for name, rgb in settings["gt_human_color"].items()}
    painted = draw(annotation, human)
    image = cv2.cvtColor(cv2.imread(picture), cv2.COLOR_BGR2RGB)
    blend = (0.5 * painted + 0.5 * image).astype(np.uint8)
    black = (painted[:, :, 0] == 0) & (painted[:, :, 1] == 0) & (painted[:, :, 2] == 0)
    blend[black] = image[black]
    blend = np.clip(blend, 0, 255)
    column = np.array([[[0, 255, 0]]] * image.shape[0], dtype=np.uint8)
    both = np.hstack((image, column, blend))
    cv2.imwrite(str(folders["masks_human"] / f"{stem}.png"), cv2.cvtColor(both, cv2.COLOR_RGB2BGR))


def app_masks(picture: str, annotation: Any, settings: Settings, stem: str, folders: Folders) -> None:
    image = sly.image.read(picture)
    overlay = image.copy()
    for label in annotation.labels:
        top = overlay.copy()
        label.geometry.draw(top, color=label.obj_class.color, config=label.obj_class.geometry_config, thickness=1)
        overlay = ((overlay.astype(np.uint16) + top.astype(np.uint16)) / 2).astype(np.uint8)
    sly.image.write(str(folders["masks_human"] / f"{stem}.png"), np.concatenate([image, overlay], axis=1))
    machine = np.zeros((*annotation.img_size, 3), np.uint8)
    for label in sorted(annotation.labels, key=lambda item: item.area, reverse=True):
        label.geometry.draw(machine, color=settings["gt_machine_color"][label.obj_class.name], thickness=1)
    path = str(folders["masks_machine"] / f"{stem}.png")
    sly.image.write(path, machine)
    Image.open(path).convert("L").save(path)


def kinds_masks(picture: str, annotation: Any, settings: Settings, stem: str, folders: Folders) -> None:
    app_masks(picture, annotation, settings, stem, folders)
    folder = folders["masks_instances"] / stem
    folder.mkdir()
    for label in annotation.labels:
        mask = np.zeros((*annotation.img_size, 3), np.uint8)
        label.geometry.draw(mask, color=(255, 255, 255), config=label.obj_class.geometry_config, thickness=1)
        names = [path.stem for path in folder.iterdir()]
        name = generate_free_name(names, label.obj_class.name)
        path = str(folder / f"{name}.png")
        sly.image.write(path, mask)
        Image.open(path).convert("L").save(path)
    semantic = np.zeros((*annotation.img_size, 3), np.uint8)
    for label in sorted(annotation.labels, key=lambda item: item.area, reverse=True):
        label.geometry.draw(semantic, color=label.obj_class.color, config=label.obj_class.geometry_config, thickness=1)
    sly.image.write(str(folders["masks_semantic_rgb"] / f"{stem}.png"), semantic)


def export(project: Any, archive: str, settings: Settings, masks: Any, processes: int) -> int:
    """Write the project with its masks to a folder, pack it; returns how many images it has. processes: 0 for this."""
    scratch = tempfile.mkdtemp()
    out = sly.Project(str(Path(scratch, "out")), sly.OpenMode.CREATE)
    Path(out.directory, "meta.json").write_text(json.dumps(project.meta.to_json()))
    works: list[Callable[[], None]] = []
    for dataset in project.datasets:
        target = out.create_dataset(dataset.name)
        more = ("masks_instances", "masks_semantic_rgb") if masks is kinds_masks else ()
        folders = {name: Path(target.directory, name) for name in ("masks_machine", "masks_human", *more)}
        for folder in folders.values():
            folder.mkdir(parents=True)

        def one(name: str, dataset: Any = dataset, target: Any = target, folders: Folders = folders) -> None:
            paths = dataset.get_item_paths(name)
            annotation = sly.Annotation.load_json_file(paths.ann_path, project.meta)
            masks(paths.img_path, annotation, settings, Path(name).stem, folders)
            target.add_item_file(name, paths.img_path, ann=annotation)

        works += [partial(one, name) for name in dataset]
    do_all(works, processes)
    sly.fs.archive_directory(out.directory, archive)
    shutil.rmtree(scratch)
    return len(works)


def do_all(works: Sequence[Callable[[], None]], processes: int) -> None:
    """One after the other, or each on one of so many forks, each of which takes the next one."""
    if not processes:
        for work in works:
            work()
        return
    forks = multiprocessing.get_context("fork")
    following = forks.Value("i", 0)

    def run() -> None:
        cv2.setNumThreads(1)  # the processes would fight with OpenCV's threads
        while True:
            with following:
                number = following.value
                following.value += 1
            if number >= len(works):
                return
            works[number]()

    begun = [forks.Process(target=run) for _ in range(processes)]
    for process in begun:
        process.start()
    for process in begun:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a process ended with {process.exitcode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", choices=("layer", "app", "kinds"))
    parser.add_argument("project")
    parser.add_argument("archive")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=0)
    args = parser.parse_args()
    settings = json.loads(args.config.read_text())["settings"]
    project = sly.Project(args.project, sly.OpenMode.READ)
    began, cpu = time.perf_counter(), sum(os.times()[:4])
    masks = {"layer": layer_masks, "app": app_masks, "kinds": kinds_masks}[args.steps]
    count = export(project, args.archive, settings, masks, args.processes)
    seconds, cpu = time.perf_counter() - began, sum(os.times()[:4]) - cpu
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if args.processes else 0
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + args.processes * child) * 1024
    out = {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "images": count,
        "archive_bytes": Path(args.archive).stat().st_size,
        "peak_bytes": peak,
    }
    print(json.dumps(out))


if __name__ == "__main__":
    main()
