"""The machine mask: each class in the color that the layer asks for, the background black.

Rules: supervisely-format, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from airflow_savemasks.engine.image.png_write import ScanLines, gray_lines, rgb_lines
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, look_up, png_file


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """A machine mask: one channel where every color is gray, three otherwise."""
    yield png_file(_lines(drawing))


def _lines(drawing: Drawing) -> ScanLines:
    table, gray = drawing.colors.machine or {}, drawing.colors.gray
    labels = drawing.label_map(table)
    if labels.blends:
        blended = labels.blended(table, 1 if gray else 3)
        return gray_lines(blended) if gray else rgb_lines(blended)
    colors = labels.color_table(table)
    if not gray:
        return rgb_lines(look_up(labels.canvas, colors))
    if all(number == table[name][0] for name, number in labels.numbers.items()):
        return gray_lines(labels.canvas)
    if labels.canvas.dtype == np.uint8:
        return gray_lines(np.asarray(cv2.LUT(labels.canvas, colors[:256, 0].copy()), np.uint8))
    return gray_lines(colors[:, 0][labels.canvas])
