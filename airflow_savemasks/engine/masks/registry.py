"""The kinds of masks, an entry each: the only place that a new one has to be added to (CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from airflow_savemasks.engine.image.png_write import ScanLines
from airflow_savemasks.engine.masks import human, machine
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.settings.colors import Colors, Rgb
from airflow_savemasks.engine.settings.layer import Layer


@dataclass(frozen=True, slots=True)
class MaskKind:
    """A kind of mask.

    name: of its color in the manifest's list of classes; folder: of its files in a dataset, which is also their kind in
    the index; ending: of their names; colors: its table, class name -> RGB, or None where such masks are not made;
    draw: an item's mask as scan lines; asked: whether the layer asks for them, and with which colors, for the
    manifest. The label map that it needs is the one of its table's classes.
    """

    name: str
    folder: str
    ending: str
    colors: Callable[[Colors], Mapping[str, Rgb] | None]
    draw: Callable[[Drawing], ScanLines]
    asked: Callable[[Layer], tuple[bool, Mapping[str, Rgb]]]


KINDS = [  # in the order of drawing: the picture is decoded for the human mask, when the machine mask is done
    MaskKind(
        name="machine",
        folder="masks_machine",
        ending=".png",
        colors=lambda colors: colors.machine,
        draw=machine.draw,
        asked=lambda layer: (layer.masks_machine, layer.machine_colors or {}),
    ),
    MaskKind(
        name="human",
        folder="masks_human",
        ending=".png",
        colors=lambda colors: colors.human,
        draw=human.draw,
        asked=lambda layer: (layer.masks_human, layer.human_colors or {}),
    ),
]


def draw_masks(drawing: Drawing) -> Iterator[tuple[MaskKind, ScanLines]]:
    """Every mask that is asked for, one after the other; each has to be taken before the next is asked for."""
    for kind in KINDS:
        if kind.colors(drawing.colors) is not None:
            yield kind, kind.draw(drawing)
            drawing.check()
