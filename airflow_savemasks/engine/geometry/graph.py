"""Key points (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, WholeOrNothing, box_of
from airflow_savemasks.engine.geometry.nodes import Nodes


@dataclass(slots=True)
class Graph(WholeOrNothing):
    """Key points with the edges of the class's template."""

    shape: ClassVar[str] = "graph"
    nodes: Nodes

    @classmethod
    def parse(cls, data: Json, given: Given) -> Graph:
        known = set(given.template.get("nodes", {}))
        edges = [(edge["src"], edge["dst"]) for edge in given.template.get("edges", [])]
        return cls(Nodes.parse(data.get("nodes"), edges, known, given.line_width))

    def box(self) -> Box:
        return box_of(self.nodes.points)

    def painted_box(self) -> Box:
        return self.nodes.painted_box()

    def stroked_pixels(self, height: int, width: int) -> float:
        return self.nodes.stroked_pixels(height, width)

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.nodes.draw(canvas, color)

    def to_json(self) -> Json:
        return {"nodes": self.nodes.to_json()}
