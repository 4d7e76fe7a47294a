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

from airflow_savemasks.engine.geometry.base import Canvas
from airflow_savemasks.engine.image.png_write import Pieces, ScanLines, encode
from airflow_savemasks.engine.masks.label_map import LabelMap
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
    """

    labels: Sequence[Label]
    height: int
    width: int
    colors: Colors
    picture: Callable[[], Image]
    check: Callable[[], None] = lambda: None
    options: Options = DEFAULTS
    _maps: dict[frozenset[str], LabelMap] = field(default_factory=dict)

    def label_map(self, table: Mapping[str, Rgb]) -> LabelMap:
        """The labels of the classes in a table of colors, painted as numbers; shared by all tables of these classes.

        What a label cannot be drawn for is raised with the label as a note.
        """
        classes = frozenset(table)
        if classes not in self._maps:
            self._maps[classes] = LabelMap.paint(self.labels, self.height, self.width, table)
        return self._maps[classes]

    def pixels(self) -> dict[str, int]:
        """Class name -> visible pixels in the machine mask, or in the human one where there is no machine mask.

        An alpha mask counts with every pixel of some opacity.
        """
        machine, human = self.colors.machine, self.colors.human
        return self.label_map(machine if machine is not None else human or {}).count()


def look_up(numbers: Canvas, table: Image) -> Image:
    """Numbers (h, w) to colors (h, w, 3) by a table (n, 3)."""
    if numbers.dtype == np.uint8:
        return np.asarray(cv2.applyColorMap(numbers, table[:256, None, :]), np.uint8)
    return table[numbers]
