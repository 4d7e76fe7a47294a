"""Geometries as the tests make them: read with a template or none, clipped by the usual limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_savemasks.engine.geometry import table
from airflow_savemasks.engine.geometry.base import Geometry, Given
from airflow_savemasks.engine.limits import LIMITS, Limits


def parse_geometry(data: dict[str, Any], shape: str, template: Any = None, limits: Limits = LIMITS) -> Any:
    """The geometry of a label whose class has this shape and this template of graphs."""
    return table.parse_geometry(data, shape, Given(template or {}, limits))


def clip(geometry: Geometry, width: int, height: int, limits: Limits = LIMITS) -> Sequence[Any]:
    """What of it lies in a picture of width x height pixels."""
    return geometry.clip(width, height, limits)


def parsed(geometry: type[Geometry], data: dict[str, Any], limits: Limits = LIMITS) -> Any:
    """A geometry of a known class, read without a template."""
    return geometry.parse(data, Given({}, limits))
