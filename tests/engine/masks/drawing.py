"""Masks as the tests make them: drawn from labels, encoded, both kinds at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.image.png_write import Pieces
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.masks.registry import draw_masks
from airflow_savemasks.engine.settings.colors import Colors


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
