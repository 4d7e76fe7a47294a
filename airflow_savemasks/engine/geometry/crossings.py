"""How often outlines cross themselves: what filling them, and above all cutting them at a border, takes time for.

An outline along a thing has hardly any crossings, whatever its number of points. One of random points has a tenth of
the square of their number, and GEOS takes a kilobyte and 25 microseconds for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.geometry.base import Points

SAMPLES = 20_000  # pairs of edges that are looked at


def estimate_crossings(outlines: Sequence[Points], most: int, *, closed: bool = True) -> int:
    """About how many pairs of edges cross, from a sample that is the same each time; 0 where `most` cannot be reached.

    outlines: int arrays (n, 2), drawn together. closed: an edge leads from the last point to the first.
    """
    count = sum(map(len, outlines))
    if count * count // 2 <= most:
        return 0
    starts = np.concatenate([ring if closed else ring[:-1] for ring in outlines]).astype(np.float64)
    ends = np.concatenate([np.roll(ring, -1, axis=0) if closed else ring[1:] for ring in outlines]).astype(np.float64)
    first, second = np.random.default_rng(count).integers(0, len(starts), (2, SAMPLES))
    a, b, c, d = starts[first], ends[first], starts[second], ends[second]
    cross = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
    return int(cross.mean() * len(starts) ** 2 / 2)


def _side(start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """On which side of each line each point lies: below, at or above 0."""
    along, to = end - start, point - start
    return np.sign(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0])
