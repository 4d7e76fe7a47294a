"""The machine mask: each class in the color or with the value that the layer asks for, the background black.

Rules: supervisely-format, section 5; more-masks, section 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_savemasks.engine.image.png_write import (
    ScanLines,
    gray_lines,
    palette_lines,
    rgb_lines,
    wide_lines,
)
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, look_up, png_file


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """A machine mask: of the kind that is asked for; otherwise one channel where every color is gray, else three."""
    make = {"palette": _palette, "gray16": _wide}.get(drawing.options.machine_png, _colors)
    yield png_file(make(drawing))


def _palette(drawing: Drawing) -> ScanLines:
    table = drawing.colors.machine or {}
    labels = drawing.label_map(table)
    return palette_lines(labels.grays(table), drawing.colors.palette)


def _wide(drawing: Drawing) -> ScanLines:
    table = drawing.colors.machine or {}
    labels = drawing.label_map(table)
    return wide_lines(labels.canvas, labels.wide_values(table))


def _colors(drawing: Drawing) -> ScanLines:
    table, gray = drawing.colors.machine or {}, drawing.colors.gray
    labels = drawing.label_map(table)
    if labels.blends:
        blended = labels.blended(table, 1 if gray else 3)
        return gray_lines(blended) if gray else rgb_lines(blended)
    if not gray:
        return rgb_lines(look_up(labels.canvas, labels.color_table(table)))
    return gray_lines(labels.grays(table))
