"""Named nodes and edges, which graphs and cuboids of two faces are made of. Edges are drawn first, then the nodes.

The colors of a template are not used: a mask has the colors that the layer asks for, and no others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Json, Points, as_points, box_of, stroked, widened


@dataclass(slots=True)
class Nodes:
    """Named points (n, 2), which of them are disabled, the edges of the template as pairs of names, and their width."""

    names: list[str]
    points: Points
    disabled: list[bool]
    edges: list[tuple[str, str]]
    width: int = 1

    @classmethod
    def parse(cls, nodes: object, edges: list[tuple[str, str]], known: set[str], width: int) -> Nodes:
        if not isinstance(nodes, dict) or not nodes:
            raise ValueError("at least one node is needed")
        if unknown := sorted(set(nodes) - known):
            raise ValueError(f"nodes {unknown} are not in the template of the class, which has {sorted(known)}")
        try:
            points = as_points([node["loc"] for node in nodes.values()], "the nodes", longer=True)
        except (KeyError, TypeError) as error:
            raise ValueError('every node needs "loc": [x, y]') from error
        return cls(list(nodes), points, [bool(node.get("disabled", False)) for node in nodes.values()], edges, width)

    def draw(self, canvas: Canvas, color: Color) -> None:
        shown = {
            name: point
            for name, point, disabled in zip(self.names, self.points.tolist(), self.disabled, strict=True)
            if not disabled
        }
        for source, target in self.edges:
            if source in shown and target in shown:
                cv2.line(canvas, shown[source], shown[target], color, self.width)
        for x, y in shown.values():
            draw_point(canvas, x, y, self.width, color)

    def stroked_pixels(self, height: int, width: int) -> float:
        places = {name: number for number, name in enumerate(self.names)}
        pairs = [(places[a], places[b]) for a, b in self.edges if a in places and b in places]
        found = stroked(self.points, self.points, self.width, height, width)
        if pairs:
            sources, targets = np.array(pairs).T
            found += stroked(self.points[sources], self.points[targets], self.width, height, width)
        return found

    def painted_box(self) -> Box:
        return widened(box_of(self.points), self.width)

    def to_json(self) -> Json:
        return {
            name: {"loc": point, "disabled": True} if disabled else {"loc": point}
            for name, point, disabled in zip(self.names, self.points.tolist(), self.disabled, strict=True)
        }


def draw_point(canvas: Canvas, x: int, y: int, width: int, color: Color) -> None:
    """A point inside of the canvas, as the SDK draws it: a pixel, or a disc of half the width around it."""
    if width == 1:
        canvas[y, x] = color
    else:
        cv2.circle(canvas, (x, y), round(width / 2), color, cv2.FILLED)
