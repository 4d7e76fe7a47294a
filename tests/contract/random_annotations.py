"""Random annotations with the meta and the colors they belong to; the same seed gives the same ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.contract.random_pngs import RGB, png
from tests.contract.random_shapes import NODES, Shapes

Json = dict[str, Any]
SHAPES = (
    "alpha_mask", "bitmap", "cuboid", "cuboid_2d", "graph", "line", "multichannelBitmap", "multipolygon",
    "oriented_bbox", "point", "polygon", "rectangle",
)  # fmt: skip
# neither a graph (it needs a template) nor a cuboid_2d (the SDK fails on it) can be in a class of shape `any`
IN_ANY = tuple(shape for shape in SHAPES if shape not in ("graph", "cuboid_2d"))
GEOMETRY_KEYS = {"points", "parts", "nodes", "vertices", "faces", "angle", "bitmap", "multichannelBitmap"}
VOLUMES = ("cuboid_3d", "point_3d", "point_cloud", "polyline_3d", "mask_3d", "mesh", "closed_surface_mesh")
EDGES = [{"src": first, "dst": second} for first in NODES for second in NODES if first < second and first != "c"]
TEMPLATE = {
    "nodes": {name: {"label": name, "loc": [number, number]} for number, name in enumerate(NODES)},
    "edges": [*EDGES, {"src": "a", "dst": "nowhere"}],
}
TAGS: list[Json] = [
    {"name": "flag", "value_type": "none", "color": "#000000"},
    {"name": "count", "value_type": "any_number", "color": "#000000"},
    {"name": "word", "value_type": "any_string", "color": "#000000"},
    {"name": "day", "value_type": "date", "color": "#000000"},
    {"name": "choice", "value_type": "oneof_string", "values": ["left", "right"], "color": "#000000"},
]
DAYS = ("2024-02-29T10:00:00.000Z", "2024-02-29", "2024-02-29T10:00:00+02:00", "20240229")
BAD_TAGS: tuple[Any, ...] = (
    "nobody", {"name": "nobody"}, {"value": 1}, 5, None, ["flag"], {"name": None}, {"name": ["flag"]},
    {"name": "flag", "value": 1}, {"name": "flag", "value": ""}, "count", {"name": "count"},
    {"name": "count", "value": "1"}, {"name": "word", "value": 1}, {"name": "word", "value": None},
    {"name": "choice", "value": "up"}, {"name": "choice"}, {"name": "day", "value": "2024-02-30"},
    {"name": "day", "value": 20240101}, {"name": "day", "value": ""}, {"name": "day", "value": "2024-02-29Z"},
    {"name": "flag", "customData": []}, {"name": "flag", "customData": "x"},
)  # fmt: skip
# The engine refuses what does not fit into 64 bits, the SDK depends on the shape: no numbers from 2**63 on
ODD_NUMBERS: tuple[Any, ...] = (None, "1", True, [1], {}, 2**40, -(2**61), 1e18, 0.1, -0.0)


def meta() -> Json:
    """One class per shape, a hidden one (without a color in the layer), two of `any`, one of a shape nobody knows.

    A template has no colors, and cuboid_2d classes have the color of the layer: see `colors`.
    """
    shapes = {shape: shape for shape in SHAPES} | {"hidden": "polygon", "any": "any", "other": "any", "odd": "hexagon"}
    classes: list[Json] = []
    for number, (title, shape) in enumerate(shapes.items()):
        item: Json = {"title": title, "shape": shape, "color": f"#{number + 1:02X}{number + 1:02X}{number + 1:02X}"}
        if shape == "graph":
            item["geometry_config"] = TEMPLATE
        if number % 3:
            item["id"] = 100 + number
        classes.append(item)
    return {"classes": classes, "tags": TAGS, "projectType": "images"}


def colors() -> dict[str, dict[str, list[int]]]:
    """The layer's colors, gray for the machine. Some classes lack a color in one of the masks or in both."""
    titles = [item["title"] for item in meta()["classes"] if item["title"] != "hidden"]
    machine = {title: [number * 12 + 12] * 3 for number, title in enumerate(titles)}
    human = {title: [250 - number * 13, number * 37 % 256, number * 91 % 256] for number, title in enumerate(titles)}
    gray = int(next(item["color"] for item in meta()["classes"] if item["title"] == "cuboid_2d")[1:3], 16)
    machine["cuboid_2d"] = human["cuboid_2d"] = [gray] * 3
    machine["line"] = machine["polygon"]
    human["rectangle"] = [0, 0, 0]
    del human["point"], machine["other"]
    return {"machine": machine, "human": human | {"nobody": [1, 2, 3]}}


class Annotations:
    """A stream of annotations from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def next(self) -> Json:
        """One annotation: mostly good, sometimes with one odd thing in it."""
        rng = self.rng
        width, height = rng.choice(
            (
                *((1, 1), (1, rng.randint(2, 9)), (rng.randint(2, 9), 1), (2, 2), (2, 3), (rng.randint(300, 900), 200)),
                *((rng.randint(3, 60), rng.randint(3, 60)) for _ in range(12)),
            )
        )
        shapes = Shapes(rng, width, height)
        data: Json = {
            "description": rng.choice(("", "text", None)),
            "size": {"height": height, "width": width},
            "tags": self.tags(),
            "objects": [self.label(shapes) for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8)))],
        }
        if rng.random() < 0.3:
            data["customBigData"] = rng.choice(({}, {"key": [1, 2.5, None]}, None))
        if rng.random() < 0.3:
            data["imageId"] = rng.choice((5, None))
        if rng.random() < 0.25:
            self.spoil(data, shapes)
        return data

    def tags(self) -> list[Any]:
        rng = self.rng
        if rng.random() < 0.6:
            return []
        kinds: tuple[Any, ...] = (
            "flag",
            {"name": "flag", "value": None, "labelerLogin": "anna", "id": 3},
            {"name": "count", "value": rng.choice((1, -2.5, 0, True))},
            {"name": "word", "value": rng.choice(("", "text", "äö"))},
            {"name": "day", "value": rng.choice(DAYS), "createdAt": "2024"},
            {"name": "choice", "value": rng.choice(("left", "right")), "customData": {"a": 1}},
        )
        return [rng.choice(kinds) for _ in range(rng.randint(1, 4))]

    def label(self, shapes: Shapes) -> Json:
        rng = self.rng
        shape, title = rng.choice(SHAPES), ""
        if rng.random() < 0.3:
            shape, title = rng.choice(IN_ANY), rng.choice(("any", "other"))
        elif rng.random() < 0.05:
            shape, title = "polygon", "hidden"
        item: Json = {"classTitle": title or shape, "tags": self.tags(), **shapes.make(shape)}
        if title in ("any", "other") or rng.random() < 0.5:
            item[rng.choice(("geometryType", "geometryType", "shape"))] = shape
        elif rng.random() < 0.1:
            item["geometryType"] = rng.choice(SHAPES)
        if rng.random() < 0.04:
            item["classTitle"], item["geometryType"] = rng.choice(("any", "odd")), rng.choice(("hexagon", "any", "odd"))
        extras: Json = {
            "id": rng.randint(1, 99),
            "classId": 7,
            "description": rng.choice(("", "text", None)),
            "labelerLogin": rng.choice(("anna", None)),
            "createdAt": "2024-01-01",
            "updatedAt": "2024-01-02",
            "nnCreated": rng.choice((True, False, None)),
            "nnUpdated": rng.choice((True, False, None)),
            "instance": rng.choice(("key", None)),
            "smartToolInput": rng.choice(({"crop": [[1, 2], [3, 4]]}, None, {})),
            "priority": 1,
            "trackId": "t",
        }
        return item | {key: value for key, value in extras.items() if rng.random() < 0.3}

    def spoil(self, data: Json, shapes: Shapes) -> None:
        """Change one thing. Not all changes are errors: what the SDK says counts."""
        rng = self.rng
        ways: list[Callable[[], None]] = [
            lambda: self.remove(data, ("size", "tags", "objects", "description")),
            lambda: self.remove(data["size"], ("height", "width")),
            lambda: data["tags"].append(rng.choice(BAD_TAGS)),
        ]
        if data["objects"]:
            item = rng.choice(data["objects"])
            ways += [
                lambda: item["tags"].append(rng.choice(BAD_TAGS)),
                lambda: item.update(classTitle=rng.choice(("nobody", None, 5, ""))),
                lambda: item.update(classTitle=rng.choice(("any", *SHAPES))),
                lambda: item.update(
                    classTitle=rng.choice(("any", "odd")), geometryType=rng.choice((*VOLUMES, None, "any", ""))
                ),
                lambda: self.remove(item, ("geometryType", "classTitle", "tags")),
                *[lambda: self.remove_deep(item)] * 4,
                *[lambda: self.odd_number(item)] * 4,
                *[lambda: self.grow(item, shapes)] * 4,
            ]
        rng.choice(ways)()
        for item in data.get("objects", ()):
            # on purpose the engine draws a cuboid_2d in a class of shape `any`, on which the SDK fails
            kind = item.get("geometryType", item.get("shape"))
            if kind == "cuboid_2d" and item.get("classTitle") in ("any", "other", "odd"):
                item["classTitle"] = "cuboid_2d"

    def remove(self, holder: Json, keys: tuple[str, ...]) -> None:
        holder.pop(self.rng.choice(keys), None)

    def remove_deep(self, item: Json) -> None:
        """Take one member or element out of the geometry."""
        holder, key = self.rng.choice(inner(item))
        del holder[key]

    def odd_number(self, item: Json) -> None:
        """Put something else where a number was."""
        places = [(holder, key) for holder, key in inner(item) if isinstance(holder[key], int | float)]
        if places:
            holder, key = self.rng.choice(places)
            holder[key] = self.rng.choice(ODD_NUMBERS)

    def grow(self, item: Json, shapes: Shapes) -> None:
        """Add a point or a member to one of the geometry's lists or objects."""
        places = [holder[key] for holder, key in inner(item) if isinstance(holder[key], list | dict)]
        if places:
            place = self.rng.choice(places)
            thing = self.rng.choice((1, [1], [1, 2], [[1, 2]], shapes.at(), {"loc": [0, 0]}, []))
            place.update({"more": thing}) if isinstance(place, dict) else place.append(thing)


def inner(item: Json) -> list[tuple[Any, Any]]:
    """All places (holder, key) inside of a label's geometry."""
    found: list[tuple[Any, Any]] = []

    def walk(holder: Any) -> None:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            walk(holder[key])

    for key in item:
        if key in GEOMETRY_KEYS:
            found.append((item, key))
            walk(item[key])
    return found or [(item, "classTitle")]


def write_cases(folder: Path, seed: int, count: int) -> None:
    """Write `count` annotations as `sdk_masks.py` reads them, every fourth with a picture of noise."""
    for name in ("ann", "img"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "meta.json").write_text(json.dumps(meta()), "utf-8")
    (folder / "colours.json").write_text(json.dumps(colors()), "utf-8")
    stream, noise = Annotations(seed), np.random.default_rng(seed)
    for number in range(count):
        data = stream.next()
        (folder / "ann" / f"{number:05}.json").write_text(json.dumps(data), "utf-8")
        size = data.get("size", {})
        if number % 4 == 0 and size.get("height") and size.get("width"):
            picture = noise.integers(0, 256, (size["height"], size["width"], 3))
            (folder / "img" / f"{number:05}.png").write_bytes(png(picture, RGB, 8))
