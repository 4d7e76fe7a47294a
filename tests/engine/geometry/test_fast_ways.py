"""Where there is a fast way and a general one, both give the same: many random cases, the same ones each time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
import shapely

from airflow_savemasks.engine.geometry.base import MANY, as_points, json_points
from airflow_savemasks.engine.geometry.clip import clip_line
from airflow_savemasks.engine.geometry.contours import contours_of, few_points


def joined_one_by_one(points: np.ndarray[Any, Any], width: int, height: int) -> list[list[tuple[int, int]]]:
    """What `clip_line` gives, one piece of GEOS after the other."""
    frame = shapely.Polygon([(0, 0), (0, width - 1), (height - 1, width - 1), (height - 1, 0)])
    inside = shapely.LineString(points[:, ::-1]).intersection(frame)
    pieces: list[list[tuple[float, ...]]] = []
    for part in getattr(inside, "geoms", [inside]):
        coordinates = list(part.coords)
        if part.geom_type != "LineString" or not coordinates:
            continue
        if pieces and pieces[-1][-1] == coordinates[0]:
            pieces[-1] += coordinates[1:]
        else:
            pieces.append(coordinates)
    return [[(math.floor(x), math.floor(y)) for y, x in piece] for piece in pieces]


def random_line(rng: np.random.Generator, width: int, height: int) -> np.ndarray[Any, Any]:
    """By chance all over the picture and beyond it, or along something; some points stand on the border."""
    count = int(rng.integers(2, 40))
    if rng.random() < 0.5:
        points = rng.integers([-5, -5], [width + 5, height + 5], (count, 2))
    else:
        points = rng.integers([0, 0], [width, height]) + rng.integers(-4, 5, (count, 2)).cumsum(axis=0)
    if rng.random() < 0.3:
        points = np.clip(points, 0, [width - 1, height + 3])
    return points.astype(np.int64)


def test_a_line_is_cut_into_the_pieces_that_a_loop_over_them_joins() -> None:
    rng = np.random.default_rng(1)
    several = 0
    for _ in range(500):
        width, height = (int(side) for side in rng.integers(2, 60, 2))
        points = random_line(rng, width, height)
        found = clip_line(points, width, height)
        assert [[tuple(point) for point in piece.tolist()] for piece in found] == joined_one_by_one(
            points, width, height
        )
        assert all(piece.dtype == np.int64 and piece.flags.c_contiguous for piece in found)
        several += len(found) > 1
    assert several > 100


ODD: list[Any] = [
    [1, 2, 3], [1], [], "ab", {"a": 1, "b": 2}, None, 7, [True, False], [1.5, -0.5], [2**63, 1], [2**64, -1],
    [-(2**63), 0], [2**62, 2**62], [[1, 2], [3, 4]], ["1", "2"], [None, 1], [1, 1e300], (1, 2),
]  # fmt: skip


def outcome(work: Any) -> Any:
    try:
        found = work()
    except (ValueError, OverflowError) as error:
        return type(error), str(error)
    return found


def random_points(rng: np.random.Generator, count: int) -> list[Any]:
    """Whole numbers, sometimes fractions; sometimes one or all of them odd."""
    points: list[Any] = rng.integers(-50, 50, (count, 2)).tolist()
    kind = rng.integers(5)
    if kind == 0:
        points = (np.array(points) / 3).tolist()
    if kind == 1:
        points = [ODD[int(rng.integers(len(ODD)))]] * count
    if kind >= 3:
        points[int(rng.integers(count))] = ODD[int(rng.integers(len(ODD)))]
    return points


def test_many_points_are_read_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    cases = [random_points(rng, int(rng.integers(MANY, 2 * MANY))) for _ in range(600)]
    fast = [outcome(lambda case=case: as_points(case, "it").tolist()) for case in cases]
    monkeypatch.setattr("airflow_savemasks.engine.geometry.base.MANY", 10**9)
    assert fast == [outcome(lambda case=case: as_points(case, "it").tolist()) for case in cases]
    assert {type(found) for found in fast} == {list, tuple}


def test_one_or_two_points_are_read_as_contours_are() -> None:
    rng = np.random.default_rng(3)
    kinds = set()
    for _ in range(600):
        interior: Any = [] if rng.random() < 0.7 else [[random_points(rng, 3)], [[1, 2]], None, [None]][rng.integers(4)]
        data = {"points": {"exterior": random_points(rng, int(rng.integers(1, 4))), "interior": interior}}
        if rng.random() < 0.1:
            del data["points"][["exterior", "interior"][rng.integers(2)]]
        few = outcome(lambda data=data: few_points(data))
        assert few == outcome(lambda data=data: [tuple(point) for point in contours_of(data)[0].tolist()])
        kinds.add(type(few))
    assert kinds == {list, tuple}


@pytest.mark.parametrize("count", [0, 1, MANY - 1, MANY, 3 * MANY])
def test_points_are_written_alike_as_lists_and_as_arrays(count: int) -> None:
    points = np.random.default_rng(count).integers(-(2**40), 2**40, (count, 2))
    for given in (points, points[::-1], np.asfortranarray(points), points[:, ::-1]):
        written = orjson.dumps(json_points(given), option=orjson.OPT_SERIALIZE_NUMPY)
        assert written == orjson.dumps(given.tolist())
