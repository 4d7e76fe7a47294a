"""Labels of pixels: their margins, what a cut leaves of them, and how they are blended."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.geometry import alpha_mask
from airflow_savemasks.engine.geometry.alpha_mask import AlphaMask
from airflow_savemasks.engine.geometry.bitmap import Bitmap
from airflow_savemasks.engine.geometry.bitmap_coding import encode_channels, encode_mask
from airflow_savemasks.engine.geometry.multichannel_bitmap import MultichannelBitmap
from tests.engine.geometry.geometries import clip as cut
from tests.engine.geometry.geometries import parsed

RNG = np.random.default_rng(5)


def of_mask(mask: Any, left: int = 4, top: int = 2) -> Bitmap:
    return parsed(Bitmap, {"bitmap": {"origin": [left, top], "data": encode_mask(np.array(mask, bool))}})


def test_empty_margins_are_taken_off_and_the_text_stays_where_there_were_none() -> None:
    plain = of_mask([[1, 0], [0, 1]])
    assert plain.box() == (4, 2, 5, 3)
    assert plain.text == encode_mask(np.array([[1, 0], [0, 1]], bool))
    for mask, box in (
        ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], (5, 3, 5, 3)),
        ([[0, 1], [0, 1]], (5, 2, 5, 3)),
        ([[0, 0], [1, 1]], (4, 3, 5, 3)),
        ([[1, 0], [1, 0]], (4, 2, 4, 3)),
        ([[1, 1], [0, 0]], (4, 2, 5, 2)),
    ):
        found = of_mask(mask)
        assert found.box() == box
        again = parsed(Bitmap, found.to_json())
        assert (again.box(), again.array.tolist()) == (box, found.array.tolist())
    with pytest.raises(ValueError, match="the bitmap is empty: no pixel is set"):
        of_mask([[0, 0]])


@pytest.mark.parametrize("data", [{}, {"bitmap": 5}, {"bitmap": {"origin": [0, 0]}}, {"bitmap": {"data": ""}}])
def test_a_bitmap_needs_an_origin_and_data(data: Any) -> None:
    with pytest.raises(ValueError, match='"bitmap" must be an object with "origin" and "data"'):
        parsed(Bitmap, data)


def test_a_cut_leaves_what_lies_in_the_picture() -> None:
    alpha = np.arange(1, 13, dtype=np.uint8).reshape(3, 4)
    for left, top, wanted, place in (
        (-1, -2, [[10, 11]], (0, 0)),
        (1, 1, [[1, 2], [5, 6]], (1, 1)),
        (2, 2, [[1]], (2, 2)),
        (-3, 0, [[4], [8], [12]], (0, 0)),
    ):
        size = (3, 3) if place != (0, 0) or top == 0 else (2, 3)
        (piece,) = cut(AlphaMask(left, top, alpha, None), *size)
        assert (piece.left, piece.top) == place  # type: ignore[attr-defined]
        assert piece.array.tolist() == wanted  # type: ignore[attr-defined]
    for left, top in ((3, 0), (0, 3), (-4, 0), (0, -3), (9, 9), (-9, 0)):
        assert cut(AlphaMask(left, top, alpha, None), 3, 3) == []
        scores = parsed(
            MultichannelBitmap,
            {"multichannelBitmap": {"origin": [left, top], "data": encode_channels(alpha[:, :, None])}},
        )
        assert cut(scores, 3, 3) == []


def test_scores_over_the_border_are_cut_and_coded_anew() -> None:
    scores = RNG.integers(0, 9, (3, 4, 2))
    data = {"multichannelBitmap": {"origin": [-1, 1], "data": encode_channels(scores)}}
    (piece,) = cut(parsed(MultichannelBitmap, data), 2, 3)
    assert piece.box() == (0, 1, 1, 2)
    forgotten = parsed(MultichannelBitmap, piece.to_json())
    assert forgotten.decoded().tolist() == scores[:2, 1:3].tolist()
    piece.forget()  # type: ignore[attr-defined]
    assert piece.to_json() == forgotten.to_json()
    whole = parsed(MultichannelBitmap, {"multichannelBitmap": {**data["multichannelBitmap"], "origin": [0, 0]}})
    assert whole.to_json()["multichannelBitmap"]["data"] == data["multichannelBitmap"]["data"]


@pytest.mark.parametrize("step", [1, 7, 8, 15, 1 << 18])
def test_an_alpha_mask_is_blended_alike_in_pieces_of_any_size(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    alpha = RNG.integers(0, 3, (5, 7), np.uint8) * 100
    below = RNG.integers(0, 256, (9, 12, 3), np.uint8)
    color = (10, 130, 250)
    wanted = below.copy()
    part = wanted[2:7, 3:10]
    opacity = (alpha / 255.0)[:, :, None]
    blended = (part * (1 - opacity) + opacity * np.array(color)).astype(np.uint8)
    part[alpha > 0] = blended[alpha > 0]
    monkeypatch.setattr(alpha_mask, "BLENDED", step)
    canvas = below.copy()
    AlphaMask(3, 2, alpha, None).draw(canvas, color)
    assert np.array_equal(canvas, wanted)
    gray = below[:, :, 1].copy()
    AlphaMask(3, 2, alpha, None).draw(gray, 130)
    assert np.array_equal(gray, wanted[:, :, 1])
    solid = np.zeros((9, 12), np.uint8)
    AlphaMask(3, 2, alpha, None).draw_solid(solid, 5)
    assert np.array_equal(solid[2:7, 3:10], (alpha > 0) * np.uint8(5))
