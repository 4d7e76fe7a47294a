"""Labels painted as numbers into one canvas: colors come from a table, so that masks can share it."""

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
from airflow_savemasks.engine.native import writing
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Rgb

Image = NDArray[np.uint8]

MOST_CLASSES = 65_535  # on one picture: numbers of 16 bits, 0 is the background
MOST_PLACES = 65_535  # the same for labels
COUNT_PIXELS = 1 << 21  # counted in one go: calcHist counts in float32, which is exact up to 2**24


@dataclass(slots=True)
class LabelMap:
    """A canvas (height, width): 0 background, otherwise the number on top; uint16 above 255.

    names: number -> class. A number is that of a class, or of one label, its place. Where every class has a gray of its
    own, that gray is its number and the canvas is the machine mask already. labels: those painted, in that order.
    """

    canvas: Canvas
    names: dict[int, str]
    labels: list[Label]
    blends: bool

    @classmethod
    def paint(cls, labels: Sequence[Label], height: int, width: int, table: Mapping[str, Rgb]) -> LabelMap:
        """The labels of the classes in a table, each as the number of its class."""
        shown = [label for label in labels if label.class_name in table]
        check_classes([label.class_name for label in shown], table)
        numbers = number_classes(dict.fromkeys(label.class_name for label in shown), table)
        names = {number: name for name, number in numbers.items()}
        return cls._paint([(numbers[label.class_name], label) for label in shown], height, width, names)

    @classmethod
    def paint_places(cls, placed: Sequence[tuple[int, Label]], height: int, width: int) -> LabelMap:
        """Each label as its own number."""
        check_places(place for place, _ in placed)
        return cls._paint(placed, height, width, {place: label.class_name for place, label in placed})

    @classmethod
    def _paint(cls, numbered: Sequence[tuple[int, Label]], height: int, width: int, names: dict[int, str]) -> LabelMap:
        canvas = np.zeros((height, width), np.uint8 if max(names, default=0) < 256 else np.uint16)
        stamps = Stamps(canvas)
        for number, label in numbered:
            if not stamps.take(label.geometry.stamp(), number):
                stamps.paint()
                draw_label(label, label.geometry.draw_solid, canvas, number)
        stamps.paint()
        labels = [label for _, label in numbered]
        return cls(canvas, names, labels, any(label.geometry.blends for label in labels))

    @property
    def bins(self) -> int:
        """How many entries a table by number needs: 256, or more."""
        return max(256, max(self.names, default=0) + 1)

    def color_table(self, table: Mapping[str, Rgb]) -> Image:
        """(256 or more, 3) uint8: row i is the color of number i, black where there is none."""
        out = np.zeros((self.bins, 3), np.uint8)
        for number, name in self.names.items():
            out[number] = table[name]
        return out

    def grays(self, table: Mapping[str, Rgb]) -> Image:
        """The canvas with the gray of each number, (height, width); the canvas itself where that is it."""
        values = self.color_table(table)[:, 0].copy()
        if self.canvas.dtype != np.uint8:
            return writing.look_up(self.canvas, values) if native.library else values[self.canvas]
        if all(number == table[name][0] for number, name in self.names.items()):
            return self.canvas
        return np.asarray(cv2.LUT(self.canvas, values), np.uint8)

    def wide_values(self, table: Mapping[str, Rgb]) -> NDArray[np.uint16]:
        """(256 or more,): entry i is the value of number i, 0 where there is none."""
        out = np.zeros(self.bins, np.uint16)
        for number, name in self.names.items():
            out[number] = table[name][0]
        return out

    def blended(self, table: Mapping[str, Rgb], channels: int) -> Image:
        """The drawing in colors, (height, width) or (height, width, 3): alpha masks need what lies below them."""
        shape = self.canvas.shape if channels == 1 else (*self.canvas.shape, 3)
        canvas = np.zeros(shape, np.uint8)
        for label in self.labels:
            rgb = table[label.class_name]
            draw_label(label, label.geometry.draw, canvas, rgb[0] if channels == 1 else rgb)
        return canvas

    def count(self) -> dict[str, int]:
        """Visible pixels by class name; classes that are covered whole are left out."""
        total = native.count(self.canvas, self.bins) if native.library else self._histogram()
        found: dict[str, int] = {}
        for number, name in self.names.items():
            if total[number]:
                found[name] = found.get(name, 0) + int(total[number])
        return found

    def _histogram(self) -> NDArray[np.int64]:
        """How often each number occurs where labels lie, (bins,), by OpenCV."""
        height, width = self.canvas.shape
        bins = self.bins
        total = np.zeros(bins, np.int64)
        spans = Spans(self.labels, width, height)
        rows = max(1, COUNT_PIXELS // width)
        for top in range(0, height, rows):
            for x0, x1 in spans.of(top, top + rows):
                part = self.canvas[top : top + rows, x0:x1]
                total += cv2.calcHist([part], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
        return total


def draw_label(label: Label, draw: Callable[[Canvas, Color], None], canvas: Canvas, color: Color) -> None:
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


def check_classes(names: Sequence[str], table: Mapping[str, Rgb]) -> None:
    """Raises TooLarge where labels of these classes, a name for each label, are of more than can be told apart."""
    highest = max(number_classes(dict.fromkeys(names), table).values(), default=0) if len(names) > MOST_CLASSES else 0
    if highest > MOST_CLASSES:
        fact = f"labels of {highest:,} classes on one picture; at most {MOST_CLASSES:,} can be told apart"
        raise TooLarge(fact, "Draw fewer of them, or map several to one class")


def check_places(places: Iterable[int]) -> None:
    """Raises TooLarge where a label's place does not fit into 16 bits."""
    highest = max(places, default=0)
    if highest > MOST_PLACES:
        fact = f"a label of a drawn class is number {highest:,} of its picture; ids go up to {MOST_PLACES:,}"
        raise TooLarge(fact, 'Have fewer labels on a picture, or leave instances="ids" out')
