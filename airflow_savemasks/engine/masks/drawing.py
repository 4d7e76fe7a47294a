"""What every kind of mask is drawn from: the labels of one item, its picture, the colors. Pure: no file, no state.

Labels are painted once, as class numbers. Only where two masks show different classes does each get a label map of its
own. Rules: supervisely-format, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.base import Canvas
from airflow_savemasks.engine.image.png_write import Pieces, ScanLines, encode
from airflow_savemasks.engine.masks.label_map import LabelMap
from airflow_savemasks.engine.native import writing
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Colors, Rgb
from airflow_savemasks.engine.settings.options import Options

Image = NDArray[np.uint8]
DEFAULTS = Options()


class MaskFile(NamedTuple):
    """A file of a mask. ending: what follows the stem of the picture's name, such as ".png"; pieces: of its content."""

    ending: str
    pieces: Pieces


def png_file(lines: ScanLines) -> MaskFile:
    """A mask that is one PNG, beside nothing else of its kind."""
    return MaskFile(".png", encode(lines))


@dataclass(slots=True)
class Drawing:
    """height, width: of the picture in pixels; picture: gives it decoded, (height, width, 3) uint8 RGB, and is called
    only by a kind that shows it. check is called between stripes and may raise to stop. options: how masks look.

    labels: in the order of the annotation, where each has its place, from 1.
    """

    labels: Sequence[Label]
    height: int
    width: int
    colors: Colors
    picture: Callable[[], Image]
    check: Callable[[], None] = lambda: None
    options: Options = DEFAULTS
    _maps: dict[frozenset[str], LabelMap] = field(default_factory=dict)
    _placed: list[tuple[int, Label]] | None = None

    def placed(self) -> list[tuple[int, Label]]:
        """All labels with their places, in the order of drawing: later ones on top."""
        if self._placed is None:
            self._placed = list(enumerate(self.labels, 1))
            if self.options.overlap == "area":
                self._placed.sort(key=lambda one: -_area(one[1]))  # equal ones stay in their order
        return self._placed

    def label_map(self, table: Mapping[str, Rgb]) -> LabelMap:
        """The labels of the classes in a table of colors, painted as numbers; shared by all tables that show the same.

        What a label cannot be drawn for is raised with the label as a note.
        """
        shown = [(place, label) for place, label in self.placed() if label.class_name in table]
        classes = frozenset(label.class_name for _, label in shown)
        if classes not in self._maps:
            labels = [label for _, label in shown]
            if self.options.instances == "ids" and classes == self._drawn():
                self._maps[classes] = LabelMap.paint_places(shown, self.height, self.width)
            else:
                self._maps[classes] = LabelMap.paint(labels, self.height, self.width, table)
        return self._maps[classes]

    def place_map(self) -> LabelMap:
        """The labels of drawn classes, each painted as its place (`instances="ids"`)."""
        return self.label_map(dict.fromkeys(self._drawn(), (0, 0, 0)))

    def pixels(self) -> dict[str, int]:
        """Class name -> visible pixels in the machine mask, or in the human one where there is no machine mask.

        An alpha mask counts with every pixel of some opacity.
        """
        return self.label_map(self.colors.counted).count()

    def _drawn(self) -> frozenset[str]:
        """The drawn classes of these labels."""
        return frozenset(name for name in {label.class_name for label in self.labels} if self.colors.draws(name))


def _area(label: Label) -> float:
    """An error tells which label it was."""
    try:
        return label.geometry.area()
    except Exception as error:
        error.add_note(f"label {label.number} (class {label.class_name!r})")
        raise


def look_up(numbers: Canvas, table: Image) -> Image:
    """Numbers (h, w) to colors (h, w, 3) by a table (n, 3)."""
    if numbers.dtype == np.uint8:
        return np.asarray(cv2.applyColorMap(numbers, table[:256, None, :]), np.uint8)
    return writing.look_up(numbers, table) if native.library else table[numbers]
