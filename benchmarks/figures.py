"""Pictures in every format, and labels of one geometry at a time, for make_project.py.

`--format` takes a name of FORMATS, `--geometry` one of GEOMETRIES. Labels come from a generator of random numbers of
their own, so that the pictures are the same for all of them.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.int64]
Size = tuple[int, int]  # height, width in pixels
Json = dict[str, Any]
Rng = np.random.Generator

CLASSES = (  # besides those of make_project.py, for projects of one geometry
    ("haze", "alpha_mask", "#00B8D4"),
    ("fiber", "line", "#FF6D00"),
    ("spot", "point", "#AEEA00"),
)
SIGNATURE = 8  # bytes of a PNG's signature


def encode(image: Image, name: str) -> tuple[str, bytes]:
    """(height, width, 3) uint8 BGR -> ending and bytes of a picture in one of FORMATS."""
    ending, options = FORMATS[name]
    if name == "png-16":
        wide = image.astype(np.uint16) * 257
        return ending, cv2.imencode(ending, wide)[1].tobytes()
    content = cv2.imencode(ending, image, options)[1].tobytes()
    return ending, one_chunk(content) if name == "png-one-chunk" else content


FORMATS: dict[str, tuple[str, list[int]]] = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 92]),
    "png": (".png", []),  # libpng writes chunks of 8 kB
    "png-one-chunk": (".png", []),
    "png-16": (".png", []),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 90]),
    "tiff": (".tiff", []),
    "bmp": (".bmp", []),
}


def one_chunk(content: bytes) -> bytes:
    """The same PNG with all of its IDAT in one chunk, as other encoders write it."""
    before, pixels, after = [content[:SIGNATURE]], b"", b""
    at = SIGNATURE
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        whole, name = content[at : at + size + 12], content[at + 4 : at + 8]
        if name == b"IDAT":
            pixels += whole[8:-4]
        elif name == b"IEND":
            after = whole
        else:
            before.append(whole)
        at += size + 12
    joined = struct.pack(">I", len(pixels)) + b"IDAT" + pixels + struct.pack(">I", zlib.crc32(b"IDAT" + pixels))
    return b"".join([*before, joined, after])


def labels_of(name: str, rng: Rng, size: Size) -> list[Json]:
    """The labels of one picture, all of one of GEOMETRIES; without what all labels have."""
    number, make = GEOMETRIES[name]
    return [make(rng, size) for _ in range(number)]


def outline(rng: Rng, size: Size, points: int, radius: tuple[float, float], *, over: bool = False) -> Points:
    """The outline of a blob, (points, 2) of x, y, inside the picture, or around a point of its border."""
    height, width = size
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    waves = sum(rng.uniform(0, 0.12) * np.cos(k * turn + rng.uniform(0, 2 * np.pi)) for k in range(2, 7))
    radii = rng.uniform(*radius) * (1 + waves) * (1 + rng.normal(0, 0.01, points))
    far = float(radii.max()) + 1
    center = border_point(rng, size) if over else rng.uniform([far, far], [width - far, height - far])
    return np.floor(center + np.stack([np.cos(turn), np.sin(turn)], axis=1) * radii[:, None]).astype(np.int64)


def border_point(rng: Rng, size: Size) -> NDArray[np.float64]:
    height, width = size
    point = rng.uniform([0, 0], [width, height])
    axis = int(rng.integers(2))
    point[axis] = rng.choice([0, (width, height)[axis]])
    return point


def contours(title: str, shape: str, points: Any) -> Json:
    return {"classTitle": title, "geometryType": shape, "points": {"exterior": points.tolist(), "interior": []}}


def bitmap_data(image: Image) -> str:
    return base64.b64encode(zlib.compress(cv2.imencode(".png", image)[1].tobytes())).decode()


def polygon(points: int, radius: tuple[float, float], *, over: bool = False) -> Callable[[Rng, Size], Json]:
    return lambda rng, size: contours("leaf", "polygon", outline(rng, size, points, radius, over=over))


def bitmap(radius: tuple[float, float]) -> Callable[[Rng, Size], Json]:
    def make(rng: Rng, size: Size) -> Json:
        points = outline(rng, size, 60, radius)
        corner = points.min(axis=0)
        mask = np.zeros(np.ptp(points, axis=0)[::-1] + 1, np.uint8)
        cv2.fillPoly(mask, [(points - corner).astype(np.int32)], 255)
        data = {"origin": corner.tolist(), "data": bitmap_data(np.dstack([mask] * 4))}
        return {"classTitle": "kiwi", "geometryType": "bitmap", "bitmap": data}

    return make


def noise(rng: Rng, size: Size) -> Json:
    """A bitmap of which each pixel is set or not by chance."""
    side = rng.integers(200, 400, 2)
    mask = rng.integers(0, 2, side).astype(np.uint8) * 255
    corner = [int(rng.integers(0, size[1] - side[1])), int(rng.integers(0, size[0] - side[0]))]
    data = {"origin": corner, "data": bitmap_data(np.dstack([mask] * 4))}
    return {"classTitle": "kiwi", "geometryType": "bitmap", "bitmap": data}


def alpha_mask(rng: Rng, size: Size) -> Json:
    """A spot that fades to its edge."""
    radius = int(rng.integers(60, 200))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    alpha = np.clip(255 * (1.1 - np.hypot(x, y) / radius), 0, 255).astype(np.uint8)
    side = 2 * radius + 1
    corner = [int(rng.integers(0, size[1] - side)), int(rng.integers(0, size[0] - side))]
    data = {"origin": corner, "data": bitmap_data(alpha)}
    return {"classTitle": "haze", "geometryType": "alpha_mask", "bitmap": data}


def rectangle(rng: Rng, size: Size) -> Json:
    reach = rng.uniform(20, 200, 2)
    center = border_point(rng, size)
    return contours("box", "rectangle", np.floor([center - reach, center + reach]).astype(np.int64))


def random_line(rng: Rng, size: Size) -> Json:
    """200 points by chance in a box that reaches over the border: it crosses itself thousands of times."""
    height, width = size
    points = rng.integers([-width // 10, -height // 10], [width * 11 // 10, height * 11 // 10], (200, 2))
    return contours("fiber", "line", points)


def traced_line(rng: Rng, size: Size) -> Json:
    """200 points along something that bends and leaves the picture."""
    turn = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.12, 200).cumsum()
    steps = np.stack([np.cos(turn), np.sin(turn)], axis=1) * rng.uniform(4, 10)
    path = steps.cumsum(axis=0)
    return contours("fiber", "line", np.floor(border_point(rng, size) + path - path[100]).astype(np.int64))


def point(rng: Rng, size: Size) -> Json:
    return contours("spot", "point", rng.integers([0, 0], [size[1], size[0]], (1, 2)))


GEOMETRIES: dict[str, tuple[int, Callable[[Rng, Size], Json]]] = {
    "polygons": (60, polygon(50, (40, 160))),
    "polygons-over": (60, polygon(50, (40, 160), over=True)),
    "polygons-of-20000": (20, polygon(20_000, (100, 300))),
    "bitmaps-small": (400, bitmap((8, 20))),
    "bitmaps-large": (40, bitmap((120, 300))),
    "bitmaps-noise": (40, noise),
    "alpha-masks": (40, alpha_mask),
    "rectangles-over": (400, rectangle),
    "lines-random": (60, random_line),
    "lines-traced": (60, traced_line),
    "points": (5000, point),
}
