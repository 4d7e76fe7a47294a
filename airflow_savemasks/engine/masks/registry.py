"""The kinds of masks, an entry each: the only place that a new one has to be added to (CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from airflow_savemasks.engine.image.png_write import ScanLines
from airflow_savemasks.engine.masks import human, machine
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.settings.colors import Colors, Rgb


@dataclass(frozen=True, slots=True)
class MaskKind:
    """A kind of mask.

    name: of its color in the manifest's list of classes; folder: of its files in a dataset, which is also their kind in
    the index; ending: of their names; colors: its table, class name -> RGB, or None where the layer does not ask for
    such masks; draw: an item's mask as scan lines. The label map that it needs is the one of its table's classes.
    """

    name: str
    folder: str
    ending: str
    colors: Callable[[Colors], Mapping[str, Rgb] | None]
    draw: Callable[[Drawing], ScanLines]


KINDS = [  # in the order of drawing: the picture is decoded for the human mask, when the machine mask is done
    MaskKind("machine", "masks_machine", ".png", lambda colors: colors.machine, machine.draw),
    MaskKind("human", "masks_human", ".png", lambda colors: colors.human, human.draw),
]


def draw_masks(drawing: Drawing) -> Iterator[tuple[MaskKind, ScanLines]]:
    """Every mask that is asked for, one after the other; each has to be taken before the next is asked for."""
    for kind in KINDS:
        if kind.colors(drawing.colors) is not None:
            yield kind, kind.draw(drawing)
            drawing.check()
