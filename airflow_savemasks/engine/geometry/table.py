"""Finds the geometry of a label: the class decides, and for a class of shape `any` the label's own type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Drawable, Json
from airflow_savemasks.engine.geometry.bitmap import AlphaMask, Bitmap, MultichannelBitmap
from airflow_savemasks.engine.geometry.keypoints import Cuboid2d, Graph
from airflow_savemasks.engine.geometry.vector import Cuboid, Line, Multipolygon, OrientedBox, Point, Polygon, Rectangle
from airflow_savemasks.engine.limits import LIMITS, Limits

OF_PIXELS: dict[str, Callable[[Json, Limits], Drawable]] = {
    "alpha_mask": AlphaMask.parse,
    "bitmap": Bitmap.parse,
    "multichannelBitmap": MultichannelBitmap.parse,
}
OF_POINTS: dict[str, Callable[[Json], Drawable]] = {
    "cuboid": Cuboid.parse,
    "cuboid_2d": Cuboid2d.parse,
    "line": Line.parse,
    "multipolygon": Multipolygon.parse,
    "oriented_bbox": OrientedBox.parse,
    "point": Point.parse,
    "polygon": Polygon.parse,
    "rectangle": Rectangle.parse,
}
# Known to other kinds of projects: the SDK reads some of them, but cannot cut any to a picture, and refuses the label
VOLUMES = frozenset("closed_surface_mesh cuboid_3d mask_3d mesh point_3d point_cloud polyline_3d".split())
KNOWN = frozenset((*OF_PIXELS, *OF_POINTS, "graph", *VOLUMES))


@dataclass(slots=True)
class Unknown:
    """A shape that nobody here knows: never drawn, never cut, kept in the annotation as it came."""

    shape: str
    data: Json

    def box(self) -> Box:
        return 0, 0, 0, 0

    def draw(self, canvas: Canvas, color: Color) -> None:
        pass

    def to_json(self) -> Json:
        return self.data


def parse_geometry(data: Json, class_shape: str, template: Json, limits: Limits = LIMITS) -> Drawable:
    """The geometry of a label's JSON.

    class_shape: shape of its class; template: the class's geometry_config, for graphs. Raises ValueError,
    TooLarge above one of the limits.
    """
    shape = class_shape
    if class_shape not in KNOWN:
        if "geometryType" not in data and "shape" not in data:
            raise ValueError('"geometryType" is needed for a class of shape "any"')
        shape = data.get("geometryType", data.get("shape")) or "any"  # null and "" are names that nobody knows
        if not isinstance(shape, str):
            raise ValueError(f'"geometryType" must be text, not {shape!r}')
    if shape in VOLUMES:
        raise ValueError(f"{shape!r} is a shape of three dimensions, which no picture can have")
    if shape == "graph":
        return Graph.parse(data, template)
    if shape in OF_PIXELS:
        return OF_PIXELS[shape](data, limits)
    return OF_POINTS[shape](data) if shape in OF_POINTS else Unknown(shape, data)
