"""A cuboid as the wire frame of two faces (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, WholeOrNothing, box_of
from airflow_savemasks.engine.geometry.nodes import Nodes

CORNERS = ("topleft", "topright", "bottomright", "bottomleft")
NODES = [f"face{face}-{corner}" for face in (1, 2) for corner in CORNERS]
EDGES = [
    *((NODES[i], NODES[(i + 1) % 4]) for i in range(4)),
    *((NODES[4 + i], NODES[4 + (i + 1) % 4]) for i in range(4)),
    *((NODES[i], NODES[4 + i]) for i in range(4)),
]
EXTRAS = ("position", "rotation", "dimensions", "face")


@dataclass(slots=True)
class Cuboid2d(WholeOrNothing):
    """The wire frame of a box: two faces and the four edges between them."""

    shape: ClassVar[str] = "cuboid_2d"
    nodes: Nodes
    extras: Json

    @classmethod
    def parse(cls, data: Json, given: Given) -> Cuboid2d:
        nodes = Nodes.parse(data.get("vertices"), EDGES, set(NODES), given.line_width)
        if len(nodes.names) != len(NODES):
            raise ValueError(f"a cuboid_2d needs {len(NODES)} vertices, it has {len(nodes.names)}")
        return cls(nodes, {key: data[key] for key in EXTRAS if data.get(key) is not None})

    def box(self) -> Box:
        return box_of(self.nodes.points)

    def painted_box(self) -> Box:
        return self.nodes.painted_box()

    def stroked_pixels(self, height: int, width: int) -> float:
        return self.nodes.stroked_pixels(height, width)

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.nodes.draw(canvas, color)

    def to_json(self) -> Json:
        return {"vertices": self.nodes.to_json(), **self.extras}
