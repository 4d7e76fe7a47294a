"""Key points (supervisely-format, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, WholeOrNothing, box_of
from airflow_savemasks.engine.geometry.nodes import Nodes

MOST = 10_000  # nodes, and edges, of a template


@dataclass(slots=True)
class Graph(WholeOrNothing):
    """Key points with the edges of the class's template."""

    shape: ClassVar[str] = "graph"
    nodes: Nodes

    @classmethod
    def parse(cls, data: Json, given: Given) -> Graph:
        if wrong := wrong_template(given.template):
            raise ValueError(f"the template of its class {wrong}")
        edges = [(edge["src"], edge["dst"]) for edge in given.template.get("edges", [])]
        return cls(Nodes.parse(data.get("nodes"), edges, set(given.template["nodes"]), given.line_width))

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


def wrong_template(template: Any) -> str:
    """What keeps the `geometry_config` of a class from being a template of graphs; empty where nothing does."""
    if not isinstance(template, dict) or not isinstance(template.get("nodes"), dict):
        return 'has no object "nodes"'
    edges = template.get("edges", [])
    if not isinstance(edges, list):
        return 'has "edges" that are no list'
    if max(len(template["nodes"]), len(edges)) > MOST:
        return f"has more than {MOST:,} nodes or edges, which each of its labels would be looked at for"
    for number, edge in enumerate(edges):
        if not (isinstance(edge, dict) and isinstance(edge.get("src"), str) and isinstance(edge.get("dst"), str)):
            return f'has an edge, number {number}, without the names "src" and "dst" of two nodes'
    return ""
