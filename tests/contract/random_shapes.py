"""Random geometries in the JSON of annotations: inside of a picture, over its borders, outside, and degenerate."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.contract import random_pngs

Json = dict[str, Any]
CORNERS = [f"face{face}-{corner}" for face in (1, 2) for corner in ("topleft", "topright", "bottomright", "bottomleft")]
NODES = ("a", "b", "c", "d", "e")


class Shapes:
    """Geometries for one picture of width x height pixels."""

    def __init__(self, rng: random.Random, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.noise = np.random.default_rng(rng.getrandbits(32))
        self.reach = "near"
        self.makers: dict[str, Callable[[], Json]] = {
            "alpha_mask": self.alpha_mask,
            "bitmap": self.bitmap,
            "cuboid": self.cuboid,
            "cuboid_2d": self.cuboid_2d,
            "graph": self.graph,
            "line": self.line,
            "multichannelBitmap": self.multichannel,
            "multipolygon": self.multipolygon,
            "oriented_bbox": self.oriented_box,
            "point": self.point,
            "polygon": self.polygon,
            "rectangle": self.rectangle,
        }

    def make(self, shape: str) -> Json:
        """A geometry of the shape; how far it reaches out of the picture is drawn anew for each."""
        self.reach = self.rng.choice(("inside", "inside", "border", "near", "near", "wild"))
        return self.makers[shape]()

    def coordinate(self, limit: int) -> float:
        """One coordinate; limit: width or height."""
        rng = self.rng
        inside = rng.randrange(limit)
        if self.reach == "inside":
            return inside if rng.random() < 0.8 else inside + round(rng.random(), 3) * 0.999
        edges = (-1, 0, limit - 1, limit, limit + 1, limit - 0.5, -0.5, limit - 1 + 1e-9, -1e-9)
        near = rng.randint(-limit - 3, 2 * limit + 3)
        far = rng.choice((-1, 1)) * rng.choice((1000, 32768, 65536, 10**6, 2**31, 2**33))
        pick = rng.random()
        if self.reach == "border":
            return rng.choice(edges) if pick < 0.5 else inside
        if pick < 0.45:
            return inside
        if pick < 0.6:
            return rng.choice(edges)
        if self.reach == "near" or pick < 0.8:
            return near if pick < 0.75 else near + round(rng.uniform(-1, 1), 2)
        return far

    def at(self) -> list[float]:
        """One point."""
        return [self.coordinate(self.width), self.coordinate(self.height)]

    def ring(self) -> list[list[float]]:
        """A contour: anything from a star to a few equal points."""
        rng = self.rng
        kind = rng.choice(("random", "random", "star", "star", "bow", "box", "line", "few", "same", "spike"))
        if kind == "random":
            points = [self.at() for _ in range(rng.randint(3, 9))]
        elif kind == "star":
            (x, y), size = self.at(), rng.uniform(0.5, 1 + max(self.width, self.height) * 0.7)
            turns = sorted(rng.uniform(0, math.tau) for _ in range(rng.randint(3, 24)))
            radii = [size * rng.uniform(0.3, 1) for _ in turns]
            points = [
                [round(x + r * math.cos(t), 2), round(y + r * math.sin(t), 2)]
                for r, t in zip(radii, turns, strict=True)
            ]
        elif kind in ("bow", "box"):
            (x1, y1), (x2, y2) = self.at(), self.at()
            points = [[x1, y1], [x2, y2], [x2, y1], [x1, y2]]
            points = points if kind == "bow" else [points[0], points[2], points[1], points[3]]
        elif kind == "line":
            (x, y), (dx, dy) = self.at(), (rng.randint(-5, 5), rng.randint(-5, 5))
            points = [[x + dx * i, y + dy * i] for i in rng.sample(range(-4, 8), rng.randint(3, 6))]
        elif kind == "few":
            points = [self.at() for _ in range(rng.randint(1, 2))]
        elif kind == "same":
            points = [self.at()] * rng.randint(1, 4)
        else:
            points = [self.at() for _ in range(4)]
            points[2] = [points[2][0] + rng.choice((-1, 1)) * 10**5, points[2][1]]
        if rng.random() < 0.25:
            points = [*points, points[0]]
        if rng.random() < 0.15:
            spot = rng.randrange(len(points))
            points = [*points[:spot], points[spot], *points[spot:]]
        return points

    def holes(self, exterior: list[list[float]]) -> list[list[list[float]]]:
        """Holes of a polygon: none, shrunk copies of it, the same ring, or rings anywhere."""
        rng = self.rng
        if rng.random() < 0.5:
            return []
        holes = []
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.5:
                holes.append(self.ring())
                continue
            part, (mx, my) = rng.choice((0.3, 0.5, 0.8, 1)), np.mean(exterior, axis=0).tolist()
            holes.append([[round(mx + (x - mx) * part, 2), round(my + (y - my) * part, 2)] for x, y in exterior])
        return holes

    def polygon(self) -> Json:
        exterior = self.ring()
        return {"points": {"exterior": exterior, "interior": self.holes(exterior)}}

    def multipolygon(self) -> Json:
        parts = []
        for _ in range(self.rng.randint(1, 3)):
            exterior = self.ring()
            holes = [hole for hole in self.holes(exterior) if len(hole) > 2]
            # contours of a multipolygon need 3 points; one in a hundred may have fewer
            exterior = exterior if len(exterior) > 2 or self.rng.random() < 0.1 else [*exterior, self.at(), self.at()]
            part: Json = {"exterior": exterior}
            if holes or self.rng.random() < 0.5:
                part["interior"] = holes
            parts.append(part)
        return {"parts": parts}

    def rectangle(self) -> Json:
        return {"points": {"exterior": [self.at(), self.at()], "interior": []}}

    def line(self) -> Json:
        count = self.rng.choice((2, 2, 3, 5, 12))
        points = [self.at() for _ in range(count)]
        if self.rng.random() < 0.2:
            points = [*points, points[-1]] if self.rng.random() < 0.5 else [*points, points[0]]
        if self.rng.random() < 0.1:
            points = [points[0]] * 2
        return {"points": {"exterior": points, "interior": []}}

    def point(self) -> Json:
        return {"points": {"exterior": [self.at()], "interior": []}}

    def graph(self) -> Json:
        self.reach = self.rng.choice(("inside", "inside", "inside", self.reach))
        return {"nodes": {name: self.node() for name in self.rng.sample(NODES, self.rng.randint(1, len(NODES)))}}

    def node(self) -> Json:
        node: Json = {"loc": self.at()}
        if self.rng.random() < 0.3:
            node["disabled"] = self.rng.choice((True, True, False))
        return node

    def cuboid_2d(self) -> Json:
        self.reach = self.rng.choice(("inside", "inside", "inside", self.reach))
        extras = {"face": ["face1"], "position": {"x": 1, "y": 2, "z": 3}, "dimensions": None}
        kept = {key: value for key, value in extras.items() if self.rng.random() < 0.2}
        return {"vertices": {name: self.node() for name in CORNERS}, **kept}

    def cuboid(self) -> Json:
        self.reach = self.rng.choice(("inside", "inside", "inside", self.reach))
        points = [self.at() for _ in range(self.rng.randint(7, 8))]
        if self.rng.random() < 0.7:
            return {"points": points, "faces": [[0, 1, 2, 3], [0, 4, 5, 1], [1, 5, 6, 2]]}
        return {"points": points, "faces": [[self.rng.randrange(len(points)) for _ in range(4)] for _ in range(3)]}

    def oriented_box(self) -> Json:
        quarter = math.pi / 2
        exact = (None, 0, 0.0, -0.0, quarter, -quarter, math.pi, 2 * math.pi, 1, -3)
        angle = self.rng.choice((*exact, *(self.rng.uniform(-7, 7) for _ in range(10))))
        return {"points": [self.at(), self.at()], "angle": angle}

    def origin(self, width: int, height: int) -> list[float]:
        """Where pixels of that size go: mostly somewhere over the picture."""
        if self.rng.random() < 0.7:
            return [self.rng.randint(-width, self.width), self.rng.randint(-height, self.height)]
        return self.at()

    def pixels(self) -> random_pngs.Mask:
        """A mask with or without margins, smaller or larger than the picture; rarely empty."""
        rng = self.rng
        width, height = (rng.randint(1, limit + 4) for limit in (min(self.width, 40), min(self.height, 40)))
        mask = self.noise.random((height, width)) < rng.choice((0.02, 0.3, 0.7, 1.0, 1.0))
        if rng.random() < 0.3:
            mask[: rng.randint(0, height), : rng.randint(0, width)] = False
        if not mask.any() and rng.random() < 0.9:
            mask[rng.randrange(height), rng.randrange(width)] = True
        return mask

    def bitmap(self) -> Json:
        mask = self.pixels()
        height, width = mask.shape
        codings = random_pngs.mask_codings(mask, self.noise)
        usual = ("palette 1 tRNS", "palette 8 tRNS", "RGBA 8", "LA 8", "gray 1", "gray 8", "gray 16")
        name = self.rng.choice(usual if self.rng.random() < 0.85 else tuple(codings))
        compressed = self.rng.random() < 0.95
        content = codings[name if compressed else self.rng.choice(("RGB 8", "RGBA 8", name))]
        return self.holder(content, width, height, compressed=compressed)

    def alpha_mask(self) -> Json:
        mask = self.pixels()
        height, width = mask.shape
        codings = random_pngs.mask_codings(mask, self.noise)
        name = "gray 8" if self.rng.random() < 0.7 else self.rng.choice(tuple(codings))
        # plain PNG of palette or 16 bits: the engine refuses them, the SDK has palette numbers, low bytes as opacity
        plain = not name.startswith(("palette", "gray 16")) and self.rng.random() < 0.05
        return self.holder(codings[name], width, height, compressed=not plain)

    def holder(self, content: bytes, width: int, height: int, *, compressed: bool) -> Json:
        if compressed and self.rng.random() < 0.02:  # Pillow, with which the SDK opens plain ones, mends some of them
            content = random_pngs.spoiled(content, self.rng)
        text = random_pngs.text_of(content, compressed=compressed)
        return {"bitmap": {"origin": self.origin(width, height), "data": text}}

    def multichannel(self) -> Json:
        height, width = self.rng.randint(1, 9), self.rng.randint(1, 9)
        array = self.noise.random((height, width, self.rng.randint(1, 3)), np.float32)
        if self.rng.random() < 0.05:
            array = array[self.rng.randint(0, height) :]
        text = random_pngs.text_of(random_pngs.npy(array))
        return {"multichannelBitmap": {"origin": self.origin(width, height), "data": text}}
