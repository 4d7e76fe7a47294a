"""What an object has that nobody here knows: it is kept as it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Geometry, Given, Json
from airflow_savemasks.engine.limits import Limits


@dataclass(slots=True)
class Unknown(Geometry):
    """A shape that nobody here knows: never drawn, never clipped, kept in the annotation as it came."""

    name: str
    data: Json

    @property
    def shape(self) -> str:
        return self.name

    @classmethod
    def parse(cls, data: Json, given: Given) -> Unknown:
        return cls(data.get("geometryType", data.get("shape")) or "any", data)  # null and "" are unknown names, too

    def box(self) -> Box:
        return 0, 0, 0, 0

    def clip(self, width: int, height: int, limits: Limits) -> Sequence[Geometry]:
        return [self]

    def draw(self, canvas: Canvas, color: Color) -> None:
        pass

    def area(self) -> float:
        return 0

    def to_json(self) -> Json:
        return self.data
