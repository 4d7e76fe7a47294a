"""Writes a Supervisely-format image project for the benchmark.

    make_project.py OUT --profile photos --images 40

| profile | pictures                | labels an image                 | datasets |
|---------|-------------------------|---------------------------------|----------|
| photos  | 1920x1280 JPEG          | 12, half bitmaps, half outlines | 2        |
| dense   | 4096x3072 JPEG          | 200 small ones                  | 1        |
| tiny    | 256x256 PNG             | 3                               | 20       |
| sparse  | 1920x1280 JPEG          | 1                               | 1        |
| labels  | 3840x2160 JPEG          | --labels, of --radius pixels    | 1        |
| huge    | 12000x9000 JPEG         | 100                             | 1        |
| hd      | 1920x1080 JPEG          | 12, half bitmaps, half outlines | 1        |
| tree    | 4x4 JPEG and PNG        | 1; for planning, made quickly   | 1        |
| links   | those of --of PROJECT, hard-linked under other names | theirs | theirs |

The photographs come with scikit-image: each is cropped, scaled, flipped and given sensor noise, so that no two
pictures are the same. Image number i is the same whatever the number of images. `--format` and `--geometry` take other
pictures and labels than the profile's (figures.py). Runs in the environment `photos`.
Beside OUT it writes OUT.layer.json (the settings) and OUT.facts.json (what the project holds).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import zlib
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import figures
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.int32]
Json = dict[str, Any]
Classes = tuple[tuple[str, str, str], ...]  # title, shape, color

CLASSES: Classes = (
    ("kiwi", "bitmap", "#FF0000"),
    ("lemon", "bitmap", "#1B00FF"),
    ("leaf", "polygon", "#00C853"),
    ("stem", "polygon", "#FFAB00"),
    ("box", "rectangle", "#AA00FF"),
    ("shadow", "polygon", "#607D8B"),
)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "immunohistochemistry", "retina", "rocket")
FORMAT_OF = {".jpg": "jpeg", ".png": "png"}
STRIPE = 512  # rows that get their noise at a time


@dataclass(frozen=True, slots=True)
class Profile:
    """size: (height, width) in pixels; labels: an image; radius: least and greatest of a label, in pixels."""

    size: tuple[int, int]
    extension: str
    labels: int
    radius: tuple[float, float]
    datasets: int


@dataclass(slots=True)
class Facts:
    """What a project holds; label_pixels: the labels' areas added up, whether they overlap or not."""

    profile: str
    images: int
    height: int = 0
    width: int = 0
    labels: int = 0
    label_pixels: int = 0
    picture_bytes: int = 0
    options: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


PROFILES = {
    "photos": Profile((1280, 1920), ".jpg", 12, (60, 260), 2),
    "dense": Profile((3072, 4096), ".jpg", 200, (15, 90), 1),
    "tiny": Profile((256, 256), ".png", 3, (15, 60), 20),
    "sparse": Profile((1280, 1920), ".jpg", 1, (80, 160), 1),
    "labels": Profile((2160, 3840), ".jpg", 100, (30, 50), 1),
    "hd": Profile((1080, 1920), ".jpg", 12, (60, 260), 1),
    "huge": Profile((9000, 12000), ".jpg", 100, (100, 800), 1),
}


def photographs() -> list[Image]:
    """The photographs of the scikit-image wheel, (height, width, 3) BGR."""
    from skimage import data

    return [cv2.cvtColor(getattr(data, name)()[..., :3], cv2.COLOR_RGB2BGR) for name in PHOTOGRAPHS]


def photo(rng: np.random.Generator, base: Image, size: tuple[int, int]) -> Image:
    """A crop of a photograph, scaled to `size`, perhaps flipped, with sensor noise of 3 levels."""
    height, width = size
    side = rng.uniform(0.55, 0.95)
    crop_h, crop_w = int(base.shape[0] * side), int(base.shape[1] * side)
    top, left = rng.integers(0, base.shape[0] - crop_h + 1), rng.integers(0, base.shape[1] - crop_w + 1)
    image = cv2.resize(base[top : top + crop_h, left : left + crop_w], (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    for start in range(0, height, STRIPE):
        rows = image[start : start + STRIPE]
        noise = rng.normal(0, 3, (*rows.shape[:2], 1)).astype(np.int16)
        rows[:] = np.clip(rows.astype(np.int16) + noise, 0, 255)
    return np.asarray(image, np.uint8)


def blob(rng: np.random.Generator, size: tuple[int, int], radius: float) -> Points:
    """The outline of an irregular blob inside the picture, (n, 2) of x, y."""
    height, width = size
    center = rng.uniform([0, 0], [width, height])
    angles = np.linspace(0, 2 * np.pi, int(rng.integers(12, 48)), endpoint=False)
    radii = radius * (1 + 0.3 * rng.standard_normal(angles.size).cumsum() / np.sqrt(angles.size))
    radii = np.clip(radii, radius * 0.4, radius * 1.8)
    points = center + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
    return np.clip(points, 0, [width - 1, height - 1]).round().astype(np.int32)


def make_label(
    rng: np.random.Generator, number: int, size: tuple[int, int], radius: tuple[float, float]
) -> tuple[Json, int] | None:
    """A label's JSON and its area in pixels; None where it came out empty."""
    title, shape, _ = CLASSES[int(rng.integers(len(CLASSES)))]
    outline = blob(rng, size, rng.uniform(*radius))
    left, top = outline.min(axis=0).tolist()
    right, bottom = outline.max(axis=0).tolist()
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [outline - [left, top]], 255)
    area = mask.size if shape == "rectangle" else cv2.countNonZero(mask)
    if not area:
        return None
    common: Json = {"id": number, "classTitle": title, "description": "", "tags": [], "geometryType": shape}
    common |= {
        "labelerLogin": "bench",
        "createdAt": "2024-01-01T00:00:00.000Z",
        "updatedAt": "2024-01-01T00:00:00.000Z",
    }
    if shape == "bitmap":
        png = cv2.imencode(".png", np.dstack([mask] * 4))[1].tobytes()
        text = base64.b64encode(zlib.compress(png)).decode()
        return {**common, "bitmap": {"origin": [left, top], "data": text}}, area
    points = [[left, top], [right, bottom]] if shape == "rectangle" else outline.tolist()
    return {**common, "points": {"exterior": points, "interior": []}}, area


def write_photographs(
    out: Path, profile: Profile, facts: Facts, seed: int, picture_format: str | None, geometry: str | None
) -> None:
    """Pictures and annotations of a profile; counts them in `facts`.

    picture_format, geometry: of figures.py, instead of the profile's; then `facts` has no area.
    """
    bases = photographs()
    facts.height, facts.width = profile.size
    for number in range(facts.images):
        rng = np.random.default_rng([seed, number])
        dataset = f"ds{number % profile.datasets:02d}"
        image = photo(rng, bases[number % len(bases)], profile.size)
        ending, content = figures.encode(image, picture_format or FORMAT_OF[profile.extension])
        if geometry:
            found = figures.labels_of(geometry, np.random.default_rng([seed, number, 1]), profile.size)
            labels = [({**label, "id": number * 10_000 + i, "tags": []}, 0) for i, label in enumerate(found)]
        else:
            made = (make_label(rng, number * 10_000 + i, profile.size, profile.radius) for i in range(profile.labels))
            labels = [label for label in made if label]
        annotation = annotation_json(*profile.size, [json_ for json_, _ in labels])
        write_item(out, dataset, f"IMG_{number:06d}{ending}", content, annotation)
        facts.labels += len(labels)
        facts.label_pixels += sum(area for _, area in labels)
        facts.picture_bytes += len(content)


def write_tree(out: Path, facts: Facts) -> None:
    """Very many items of a few hundred bytes in one folder."""
    image = np.full((4, 4, 3), 128, np.uint8)
    contents = {extension: cv2.imencode(extension, image)[1].tobytes() for extension in (".jpg", ".png")}
    box = {"classTitle": "box", "tags": [], "geometryType": "rectangle"}
    box |= {"points": {"exterior": [[0, 0], [1, 1]], "interior": []}}
    annotation = annotation_json(4, 4, [box])
    (out / "ds00" / "img").mkdir(parents=True)
    (out / "ds00" / "ann").mkdir()
    for number, (extension, content) in enumerate(islice(cycle(contents.items()), facts.images)):
        name = f"IMG_{number:06d}{extension}"
        write_file(f"{out}/ds00/img/{name}", content)
        write_file(f"{out}/ds00/ann/{name}.json", annotation)
        facts.picture_bytes += len(content)
    facts.height = facts.width = 4
    facts.labels, facts.label_pixels = facts.images, 4 * facts.images


def write_links(out: Path, original: Path, facts: Facts) -> None:
    """A project of `facts.images` items whose files are hard links to those of another project."""
    pictures = sorted(original.glob("*/img/*"))
    for number, picture in enumerate(islice(cycle(pictures), facts.images)):
        dataset, name = picture.parent.parent, f"IMG_{number:06d}{picture.suffix}"
        for kind, source, target in (("img", picture.name, name), ("ann", f"{picture.name}.json", f"{name}.json")):
            folder = out / dataset.name / kind
            folder.mkdir(parents=True, exist_ok=True)
            os.link(dataset / kind / source, folder / target)
    known = json.loads(original.with_name(f"{original.name}.facts.json").read_text())
    facts.height, facts.width = known["height"], known["width"]
    for key in ("labels", "label_pixels", "picture_bytes"):
        setattr(facts, key, known[key] * facts.images // known["images"])


def annotation_json(height: int, width: int, labels: list[Json]) -> bytes:
    """height, width in pixels."""
    size = {"height": height, "width": width}
    return json.dumps({"description": "", "tags": [], "size": size, "objects": labels}).encode()


def write_item(out: Path, dataset: str, name: str, picture: bytes, annotation: bytes) -> None:
    for kind, file, content in (("img", name, picture), ("ann", f"{name}.json", annotation)):
        (out / dataset / kind).mkdir(parents=True, exist_ok=True)
        write_file(f"{out}/{dataset}/{kind}/{file}", content)


def write_file(path: str, content: bytes) -> None:
    with Path(path).open("xb") as file:
        file.write(content)


def layer_json(name: str, classes: Classes) -> Json:
    """Both masks of every class, machine colors gray."""
    human = {title: [int(color[at : at + 2], 16) for at in (1, 3, 5)] for title, _, color in classes}
    machine = {title: [240 // max(6, len(classes)) * number] * 3 for number, (title, _, _) in enumerate(classes, 1)}
    settings = {"masks_machine": True, "masks_human": True, "gt_machine_color": machine, "gt_human_color": human}
    return {"action": "save_masks", "src": ["$data_1"], "dst": name, "settings": settings}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--profile", choices=[*PROFILES, "tree", "links"], default="photos")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--labels", type=int, help="labels an image, instead of the profile's")
    parser.add_argument("--radius", type=float, nargs=2, metavar=("LEAST", "MOST"), help="of a label, in pixels")
    parser.add_argument("--format", choices=figures.FORMATS, help="of the pictures, instead of the profile's")
    parser.add_argument("--geometry", choices=figures.GEOMETRIES, help="of all labels, instead of the profile's")
    parser.add_argument("--of", type=Path, metavar="PROJECT", help="for links: the project that has the files")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    out: Path = args.out
    out.mkdir(parents=True)
    kinds: Classes = CLASSES + figures.CLASSES if args.geometry else CLASSES
    classes = [{"title": t, "shape": s, "color": c, "geometry_config": {}, "hotkey": ""} for t, s, c in kinds]
    (out / "meta.json").write_text(json.dumps({"classes": classes, "tags": [], "projectType": "images"}))
    facts = Facts(args.profile, args.images)
    if args.profile == "tree":
        write_tree(out, facts)
    elif args.profile == "links":
        write_links(out, args.of, facts)
    else:
        profile = PROFILES[args.profile]
        profile = replace(profile, labels=args.labels or profile.labels, radius=tuple(args.radius or profile.radius))
        write_photographs(out, profile, facts, args.seed, args.format, args.geometry)
    out.with_name(f"{out.name}.layer.json").write_text(json.dumps(layer_json(out.name, kinds), indent=2))
    out.with_name(f"{out.name}.facts.json").write_text(json.dumps(facts.to_json()))  # last: the project is whole


if __name__ == "__main__":
    main()
