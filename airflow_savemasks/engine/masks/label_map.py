"""Labels painted as class numbers into one canvas: colors come from a table, so that masks can share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.base import Canvas, Color
from airflow_savemasks.engine.limits import TooLarge
from airflow_savemasks.engine.masks.spans import Spans
from airflow_savemasks.engine.masks.stamps import Stamps
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Rgb

Image = NDArray[np.uint8]

MOST_CLASSES = 65_535  # on one picture: numbers of 16 bits, 0 is the background
COUNT_PIXELS = 1 << 21  # counted in one go: calcHist counts in float32, which is exact up to 2**24


@dataclass(slots=True)
class LabelMap:
    """A canvas (height, width): 0 background, otherwise the number of the class on top; uint16 above 255 classes.

    Where every class has a gray of its own, that gray is its number and the canvas is the machine mask already.
    """

    canvas: Canvas
    numbers: dict[str, int]
    labels: list[Label]
    blends: bool

    @classmethod
    def paint(cls, labels: Sequence[Label], height: int, width: int, table: Mapping[str, Rgb]) -> LabelMap:
        shown = [label for label in labels if label.class_name in table]
        numbers = number_classes(dict.fromkeys(label.class_name for label in shown), table)
        highest = max(numbers.values(), default=0)
        if highest > MOST_CLASSES:
            fact = f"labels of {highest:,} classes on one picture; at most {MOST_CLASSES:,} can be told apart"
            raise TooLarge(fact, "Draw fewer of them, or map several to one class")
        canvas = np.zeros((height, width), np.uint8 if highest < 256 else np.uint16)
        stamps = Stamps(canvas)
        for label in shown:
            number = numbers[label.class_name]
            if not stamps.take(label.geometry.stamp(), number):
                stamps.paint()
                _draw(label, label.geometry.draw_solid, canvas, number)
        stamps.paint()
        return cls(canvas, numbers, shown, any(label.geometry.blends for label in shown))

    def color_table(self, table: Mapping[str, Rgb]) -> Image:
        """(256 or more, 3) uint8: row i is the color of number i, black where there is none."""
        out = np.zeros((max(256, max(self.numbers.values(), default=0) + 1), 3), np.uint8)
        for name, number in self.numbers.items():
            out[number] = table[name]
        return out

    def blended(self, table: Mapping[str, Rgb], channels: int) -> Image:
        """The drawing in colors, (height, width) or (height, width, 3): alpha masks need what lies below them."""
        shape = self.canvas.shape if channels == 1 else (*self.canvas.shape, 3)
        canvas = np.zeros(shape, np.uint8)
        for label in self.labels:
            rgb = table[label.class_name]
            _draw(label, label.geometry.draw, canvas, rgb[0] if channels == 1 else rgb)
        return canvas

    def count(self) -> dict[str, int]:
        """Visible pixels by class name; classes that are covered whole are left out."""
        bins = max(256, max(self.numbers.values(), default=0) + 1)
        total = native.count(self.canvas, bins) if native.library else self._histogram(bins)
        return {name: int(total[number]) for name, number in self.numbers.items() if total[number]}

    def _histogram(self, bins: int) -> NDArray[np.int64]:
        """How often each number occurs where labels lie, (bins,), by OpenCV."""
        height, width = self.canvas.shape
        total = np.zeros(bins, np.int64)
        spans = Spans(self.labels, width, height)
        rows = max(1, COUNT_PIXELS // width)
        for top in range(0, height, rows):
            for x0, x1 in spans.of(top, top + rows):
                part = self.canvas[top : top + rows, x0:x1]
                total += cv2.calcHist([part], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
        return total


def _draw(label: Label, draw: Callable[[Canvas, Color], None], canvas: Canvas, color: Color) -> None:
    """Draw one label; an error tells which one it was."""
    try:
        draw(canvas, color)
    except Exception as error:
        error.add_note(f"label {label.number} (class {label.class_name!r})")
        raise


def number_classes(names: Iterable[str], table: Mapping[str, Rgb]) -> dict[str, int]:
    """A number from 1 on for each class: its gray where that tells all classes apart."""
    grays = {name: table[name][0] for name in names if len(set(table[name])) == 1 and any(table[name])}
    distinct = len(set(grays.values())) == len(grays)
    return grays if distinct and len(grays) == len(list(names)) else {name: i for i, name in enumerate(names, 1)}
