"""Geometries made of named nodes and edges: graph (key points) and cuboid_2d. Edges first, then the nodes.

The colors of a template are not used: a mask has the colors that the layer asks for, and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Json, Points, as_points, box_of

CORNERS = ("topleft", "topright", "bottomright", "bottomleft")
CUBOID_2D_NODES = [f"face{face}-{corner}" for face in (1, 2) for corner in CORNERS]
CUBOID_2D_EDGES = [
    *((CUBOID_2D_NODES[i], CUBOID_2D_NODES[(i + 1) % 4]) for i in range(4)),
    *((CUBOID_2D_NODES[4 + i], CUBOID_2D_NODES[4 + (i + 1) % 4]) for i in range(4)),
    *((CUBOID_2D_NODES[i], CUBOID_2D_NODES[4 + i]) for i in range(4)),
]
CUBOID_2D_EXTRAS = ("position", "rotation", "dimensions", "face")


@dataclass(slots=True)
class Nodes:
    """Named points (n, 2), which of them are disabled, and the edges of the template as pairs of names."""

    names: list[str]
    points: Points
    disabled: list[bool]
    edges: list[tuple[str, str]]

    @classmethod
    def parse(cls, nodes: object, edges: list[tuple[str, str]], known: set[str]) -> Nodes:
        if not isinstance(nodes, dict) or not nodes:
            raise ValueError("at least one node is needed")
        if unknown := sorted(set(nodes) - known):
            raise ValueError(f"nodes {unknown} are not in the template of the class, which has {sorted(known)}")
        try:
            points = as_points([node["loc"] for node in nodes.values()], "the nodes", longer=True)
        except (KeyError, TypeError) as error:
            raise ValueError('every node needs "loc": [x, y]') from error
        return cls(list(nodes), points, [bool(node.get("disabled", False)) for node in nodes.values()], edges)

    def draw(self, canvas: Canvas, color: Color) -> None:
        shown = {
            name: point
            for name, point, disabled in zip(self.names, self.points.tolist(), self.disabled, strict=True)
            if not disabled
        }
        for source, target in self.edges:
            if source in shown and target in shown:
                cv2.line(canvas, shown[source], shown[target], color)
        for x, y in shown.values():
            canvas[y, x] = color

    def to_json(self) -> Json:
        return {
            name: {"loc": point, "disabled": True} if disabled else {"loc": point}
            for name, point, disabled in zip(self.names, self.points.tolist(), self.disabled, strict=True)
        }


@dataclass(slots=True)
class Graph:
    """Key points with the edges of the class's template."""

    shape: ClassVar[str] = "graph"
    nodes: Nodes

    @classmethod
    def parse(cls, data: Json, template: Json) -> Graph:
        known = set(template.get("nodes", {}))
        edges = [(edge["src"], edge["dst"]) for edge in template.get("edges", [])]
        return cls(Nodes.parse(data.get("nodes"), edges, known))

    def box(self) -> Box:
        return box_of(self.nodes.points)

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.nodes.draw(canvas, color)

    def to_json(self) -> Json:
        return {"nodes": self.nodes.to_json()}


@dataclass(slots=True)
class Cuboid2d:
    """The wire frame of a box: two faces and the four edges between them."""

    shape: ClassVar[str] = "cuboid_2d"
    nodes: Nodes
    extras: Json

    @classmethod
    def parse(cls, data: Json) -> Cuboid2d:
        nodes = Nodes.parse(data.get("vertices"), CUBOID_2D_EDGES, set(CUBOID_2D_NODES))
        if len(nodes.names) != len(CUBOID_2D_NODES):
            raise ValueError(f"a cuboid_2d needs {len(CUBOID_2D_NODES)} vertices, it has {len(nodes.names)}")
        return cls(nodes, {key: data[key] for key in CUBOID_2D_EXTRAS if data.get(key) is not None})

    def box(self) -> Box:
        return box_of(self.nodes.points)

    def draw(self, canvas: Canvas, color: Color) -> None:
        self.nodes.draw(canvas, color)

    def to_json(self) -> Json:
        return {"vertices": self.nodes.to_json(), **self.extras}
