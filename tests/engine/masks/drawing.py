"""Masks as the tests make them: drawn from labels, encoded, both kinds at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.image.png_write import Pieces
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.masks.registry import draw_masks, notes_of
from airflow_savemasks.engine.settings.colors import Colors
from airflow_savemasks.engine.settings.options import Options


@dataclass
class Masks:
    """PNG files of one item as pieces, None where not asked for; pixels: class name -> visible pixels."""

    machine: Pieces | None
    human: Pieces | None
    pixels: dict[str, int]


def render(
    labels: Sequence[Any],
    height: int,
    width: int,
    colors: Colors,
    picture: Callable[[], NDArray[np.uint8]],
    check: Callable[[], None] = lambda: None,
) -> Masks:
    """Both masks of one item."""
    drawing = Drawing(labels, height, width, colors, picture, check)
    files = {kind.name: file.pieces for kind, file in draw_masks(drawing)}
    return Masks(files.get("machine"), files.get("human"), drawing.pixels())


def files(
    labels: Sequence[Any],
    height: int,
    width: int,
    colors: Colors,
    picture: Callable[[], NDArray[np.uint8]],
    kind: str = "",
    **options: Any,
) -> list[tuple[str, bytes]]:
    """Ending and content of each mask of one kind, or of all."""
    drawing = Drawing(labels, height, width, colors, picture, options=Options(**options))
    made = ((one.name, file.ending, b"".join(file.pieces)) for one, file in draw_masks(drawing))
    return [(ending, content) for name, ending, content in made if kind in {"", name}]


def noted(
    labels: Sequence[Any],
    height: int,
    width: int,
    colors: Colors,
    picture: Callable[[], NDArray[np.uint8]],
    **options: Any,
) -> dict[str, Any]:
    """What the index says of an item besides what it says of all."""
    return notes_of(Drawing(labels, height, width, colors, picture, options=Options(**options)))
