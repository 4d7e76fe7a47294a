"""The kinds of masks, an entry each: the only place that a new one has to be added to (CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_savemasks.engine.masks import human, instances, machine, semantic
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile
from airflow_savemasks.engine.settings.colors import Colors, Rgb
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.settings.options import Options

Table = Mapping[str, Rgb]


@dataclass(frozen=True, slots=True)
class MaskKind:
    """A kind of mask.

    name: short, without "masks"; folder: of its files in a dataset, which is also their kind in the index; made:
    whether there are such masks; draw: an item's files, none, one or several, each of which is taken before the next is
    asked for; notes: keys that the item's line of the index gets; asked: what the manifest says of the layer, whether
    such masks are asked for and with which colors, and nothing without it; colors: its table, None where there are no
    such masks; color_file: the name in the archive of that table, where class maps are wanted.
    """

    name: str
    folder: str
    made: Callable[[Colors, Options], bool]
    draw: Callable[[Drawing], Iterable[MaskFile]]
    notes: Callable[[Drawing], dict[str, Any]] | None = None
    asked: Callable[[Layer], tuple[bool, Table]] | None = None
    colors: Callable[[Colors], Table | None] | None = None
    color_file: str | None = None


KINDS = [  # in the order of drawing: the picture is decoded for the human mask, when all others are done
    MaskKind(
        name="machine",
        folder="masks_machine",
        made=lambda colors, _: colors.machine is not None,
        draw=machine.draw,
        asked=lambda layer: (layer.masks_machine, layer.machine_colors or {}),
        colors=lambda colors: colors.machine,
        color_file="obj_class_to_machine_color.json",
    ),
    MaskKind(
        name="instances",
        folder="masks_instances",
        made=lambda _, options: options.instances is not None,
        draw=instances.draw,
        notes=instances.notes,
    ),
    MaskKind(
        name="semantic",
        folder="masks_semantic_rgb",
        made=lambda _, options: options.semantic,
        draw=semantic.draw,
        colors=lambda colors: colors.semantic,
        color_file="obj_class_to_semantic_color.json",
    ),
    MaskKind(
        name="human",
        folder="masks_human",
        made=lambda colors, _: colors.human is not None,
        draw=human.draw,
        asked=lambda layer: (layer.masks_human, layer.human_colors or {}),
        colors=lambda colors: colors.human,
    ),
]


def draw_masks(drawing: Drawing) -> Iterator[tuple[MaskKind, MaskFile]]:
    """Every mask that is asked for, one after the other; each has to be taken before the next is asked for."""
    for kind in _made(drawing):
        for file in kind.draw(drawing):
            yield kind, file
            drawing.check()


def notes_of(drawing: Drawing) -> dict[str, Any]:
    """What the index says of an item besides what it says of all: keys, by the kinds that are made."""
    found: dict[str, Any] = {}
    for kind in _made(drawing):
        if kind.notes is not None:
            found |= kind.notes(drawing)
    return found


def _made(drawing: Drawing) -> list[MaskKind]:
    return [kind for kind in KINDS if kind.made(drawing.colors, drawing.options)]
