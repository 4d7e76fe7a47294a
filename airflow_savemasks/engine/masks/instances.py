"""Masks of single labels: their places in one picture of 16 bits, or a file for each. Rules: more-masks, section 6."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.base import Canvas
from airflow_savemasks.engine.image.png_write import encode, value_lines, wide_lines
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, png_file
from airflow_savemasks.engine.masks.free_names import FreeNames
from airflow_savemasks.engine.masks.label_map import draw_label
from airflow_savemasks.engine.native import writing

NO_FILE_NAME = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # signs that no file may have in its name, somewhere
WHITE = 255
AS_IT_IS = np.arange(256, dtype=np.uint8)
ROWS = 256  # looked through at a time without kernels


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """A mask of places, or a mask for each label of a drawn class in the order of the annotation."""
    if drawing.options.instances == "ids":
        labels = drawing.place_map()
        yield png_file(wide_lines(labels.canvas, np.arange(labels.bins).astype(np.uint16)))
        return
    drawn = [label for label in drawing.labels if drawing.colors.draws(label.class_name)]
    canvas = np.zeros((drawing.height, drawing.width), np.uint8)
    for label, name in zip(drawn, file_names(label.class_name for label in drawn), strict=True):
        draw_label(label, label.geometry.draw_solid, canvas, WHITE)
        yield MaskFile(f"/{name}.png", encode(value_lines(canvas, AS_IT_IS)))
        left, top, right, bottom = label.geometry.painted_box()
        canvas[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = 0  # the rest is black as it was


def notes(drawing: Drawing) -> dict[str, Any]:
    """`instances` of the index, where ids are made: what is visible of each label of a drawn class, by place."""
    if drawing.options.instances != "ids":
        return {}
    labels = drawing.place_map()
    found = (writing.extent if native.library else _extent)(labels.canvas, labels.bins)
    entries = []
    for place in sorted(labels.names):
        pixels, *box = found[place].tolist()
        entries.append({"id": place, "class": labels.names[place], "pixels": pixels, "box": box if pixels else None})
    return {"instances": entries}


def file_names(classes: Iterable[str]) -> Iterator[str]:
    """A name for each label of these classes, without ending: the class, or the class with the first free number."""
    names = FreeNames()
    for class_name in classes:
        yield names.give(NO_FILE_NAME.sub("_", class_name))


def _extent(numbers: Canvas, bins: int) -> NDArray[np.int64]:
    """As `writing.extent`, by the runs of equal numbers in rows."""
    height, width = numbers.shape
    found = np.zeros((bins, writing.EXTENT), np.int64)
    found[:, 1:3] = max(height, width)
    found[:, 3:] = -1
    for first in range(0, height, ROWS):
        part = numbers[first : first + ROWS]
        begins = np.ones(part.shape, np.bool_)
        begins[:, 1:] = part[:, 1:] != part[:, :-1]
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=part.size)
        of = part.ravel()[starts]
        y, left = np.divmod(starts, width)
        np.add.at(found[:, 0], of, lengths)
        np.minimum.at(found[:, 1], of, left)
        np.minimum.at(found[:, 2], of, y + first)
        np.maximum.at(found[:, 3], of, left + lengths - 1)
        np.maximum.at(found[:, 4], of, y + first)
    return found
