"""Finds the geometry of a label: the class decides, and for a class of shape `any` the label's own type."""

from __future__ import annotations

from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.base import Geometry, Given, Json
from airflow_savemasks.engine.geometry.bitmap import Bitmap
from airflow_savemasks.engine.geometry.cuboid import Cuboid
from airflow_savemasks.engine.geometry.cuboid_2d import Cuboid2d
from airflow_savemasks.engine.geometry.graph import Graph
from airflow_savemasks.engine.geometry.line import Line
from airflow_savemasks.engine.geometry.multichannel_bitmap import MultichannelBitmap
from airflow_savemasks.engine.geometry.multipolygon import Multipolygon
from airflow_savemasks.engine.geometry.oriented_box import OrientedBox
from airflow_savemasks.engine.geometry.point import Point
from airflow_savemasks.engine.geometry.polygon import Polygon
from airflow_savemasks.engine.geometry.rectangle import Rectangle
from airflow_savemasks.engine.geometry.unknown import Unknown

GEOMETRIES: dict[str, type[Geometry]] = {
    "alpha_mask": AlphaMask,
    "bitmap": Bitmap,
    "cuboid": Cuboid,
    "cuboid_2d": Cuboid2d,
    "graph": Graph,
    "line": Line,
    "multichannelBitmap": MultichannelBitmap,
    "multipolygon": Multipolygon,
    "oriented_bbox": OrientedBox,
    "point": Point,
    "polygon": Polygon,
    "rectangle": Rectangle,
}
# Known to other kinds of projects: the SDK reads some of them, but cannot clip any to a picture, and refuses the label
VOLUMES = frozenset("closed_surface_mesh cuboid_3d mask_3d mesh point_3d point_cloud polyline_3d".split())


def parse_geometry(data: Json, class_shape: str, given: Given) -> Geometry:
    """The geometry of a label's JSON. class_shape: shape of its class.

    Raises ValueError, TooLarge above one of the limits.
    """
    shape = class_shape
    if class_shape not in GEOMETRIES and class_shape not in VOLUMES:
        if "geometryType" not in data and "shape" not in data:
            raise ValueError('"geometryType" is needed for a class of shape "any"')
        shape = data.get("geometryType", data.get("shape")) or "any"
        if not isinstance(shape, str):
            raise ValueError(f'"geometryType" must be text, not {shape!r}')
    if shape in VOLUMES:
        raise ValueError(f"{shape!r} is a shape of three dimensions, which no picture can have")
    return GEOMETRIES.get(shape, Unknown).parse(data, given)
