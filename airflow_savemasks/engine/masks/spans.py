"""Where in some rows of a picture labels may have painted: the rest needs no blending and no counting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.project.annotation import Label

GAP = 64  # columns between two spans that are not worth a call of their own


class Spans:
    """Made once for an item; asked for stripes of rows from top to bottom."""

    def __init__(self, labels: Sequence[Label], width: int, height: int) -> None:
        self._labels, self._width, self._height = labels, width, height

    @cached_property
    def _boxes(self) -> NDArray[np.int64]:
        boxes = np.array([label.geometry.painted_box() for label in self._labels], np.int64).reshape(-1, 4)
        boxes = np.clip(boxes, 0, [self._width - 1, self._height - 1, self._width - 1, self._height - 1])
        return boxes[np.argsort(boxes[:, 0])]

    def of(self, top: int, bottom: int) -> list[tuple[int, int]]:
        """Disjoint spans of columns, rising, as (first, one after the last), for rows top to bottom - 1."""
        merged: list[tuple[int, int]] = []
        here = self._boxes[(self._boxes[:, 1] < bottom) & (self._boxes[:, 3] >= top)]
        for left, right in here[:, ::2].tolist():
            if merged and left <= merged[-1][1] + GAP:
                merged[-1] = merged[-1][0], max(merged[-1][1], right + 1)
            else:
                merged.append((left, right + 1))
        return merged
