"""The semantic mask: every class in its color of meta.json, RGB. Rules: more-masks, section 7."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_savemasks.engine.image.png_write import mapped_lines, rgb_lines
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, png_file


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """Labels of all classes, drawn elsewhere or not; black ones cover what lies below them."""
    table = drawing.colors.semantic or {}
    labels = drawing.label_map(table)
    if labels.blends:
        yield png_file(rgb_lines(labels.blended(table, 3)))
    else:
        yield png_file(mapped_lines(labels.canvas, labels.color_table(table)))
