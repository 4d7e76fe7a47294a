"""How human masks look (more-masks, section 5)."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image.scale import scale_down
from airflow_savemasks.engine.limits import TooLarge
from airflow_savemasks.engine.masks import human_look
from airflow_savemasks.engine.masks.bounds import check_drawable
from airflow_savemasks.engine.settings.colors import Colors
from airflow_savemasks.engine.settings.human_mask import HumanMask
from airflow_savemasks.engine.settings.options import Options
from tests.engine.masks.drawing import files
from tests.engine.masks.test_masks import box


@pytest.mark.parametrize(("drawn", "below", "wanted"), [(1, 11, 7), (1, 51, 35), (0, 90, 62)])
def test_products_are_rounded_to_float64_and_their_sum_is_cut_off(drawn: int, below: int, wanted: int) -> None:
    mix = human_look.mix_table(0.3)
    assert mix is not None
    assert mix[drawn, below] == wanted


def test_at_the_ends_there_is_one_of_the_two() -> None:
    values = np.arange(256)
    nothing, all_of_it = human_look.mix_table(0.0), human_look.mix_table(1.0)
    assert (nothing == values[None, :]).all()
    assert (all_of_it == values[:, None]).all()
    assert human_look.mix_table(0.5) is None


@pytest.mark.parametrize(
    ("width", "height", "most", "beside", "overlay"),
    [
        (150, 60, 100, (49, 19), (100, 40)),
        (40, 180, 100, (22, 100), (22, 100)),
        (49, 100, 100, None, None),
        (50, 100, 100, (49, 98), None),
        (1, 150, 100, (1, 100), (1, 100)),
        (190, 3, 100, (49, 1), (100, 1)),
        (78, 77, 77, (38, 37), (77, 76)),
        (1920, 1280, 1000, (499, 332), (1000, 666)),
    ],
)
def test_masks_are_scaled_to_the_table(
    width: int, height: int, most: int, beside: tuple[int, int] | None, overlay: tuple[int, int] | None
) -> None:
    assert human_look.scaled_size(width, height, HumanMask(max_side=most)) == beside
    assert human_look.scaled_size(width, height, HumanMask(max_side=most, layout="overlay")) == overlay


def test_a_jpeg_that_no_encoder_writes_names_the_way_out() -> None:
    jpeg, overlay = HumanMask(format="jpeg"), HumanMask(format="jpeg", layout="overlay")
    human_look.check_size((32_749, 5), jpeg)
    human_look.check_size((65_500, 5), overlay)
    human_look.check_size((65_501, 5), HumanMask())
    for size, look in (((32_750, 5), jpeg), ((65_501, 5), overlay), ((5, 65_501), overlay)):
        with pytest.raises(TooLarge) as refused:
            human_look.check_size(size, look)
        assert "max_side" in refused.value.fix
    with pytest.raises(TooLarge):
        check_drawable([], 5, 65_501, Colors.of(None, {}, force_rgb=False), Options(human={"format": "jpeg"}))


@pytest.mark.parametrize("kernels", [True, False])
@pytest.mark.parametrize("layout", ["side_by_side", "overlay"])
@pytest.mark.parametrize("most", [None, 40])
@pytest.mark.parametrize("file", ["png", "jpeg"])
def test_what_is_asked_for_goes_together(
    kernels: bool, layout: str, most: int | None, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernels:
        monkeypatch.setattr(native, "library", None)
    picture = cv2.blur(np.random.default_rng(5).integers(0, 256, (60, 90, 3), np.uint8), (9, 9))
    colors = Colors.of(None, {"a": (250, 10, 90)}, force_rgb=False)
    look = {"alpha": 0.7, "layout": layout, "max_side": most, "format": file, "quality": 95}
    ((ending, content),) = files([box("a", 10, 10, 60, 40)], 60, 90, colors, lambda: picture, human=look)
    assert ending == {"png": ".png", "jpeg": ".jpg"}[file]
    blend = picture.copy()
    blend[10:41, 10:61] = (0.7 * np.array([250, 10, 90]) + (1 - 0.7) * picture[10:41, 10:61]).astype(np.uint8)
    parts = [blend] if layout == "overlay" else [picture, blend]
    if most:
        size = (40, 26) if layout == "overlay" else (19, 12)
        parts = [scale_down(part, *size) for part in parts]
    if layout == "side_by_side":
        parts.insert(1, np.full((len(parts[0]), 1, 3), (0, 255, 0), np.uint8))
    wanted = np.concatenate(parts, axis=1)
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert found.shape == wanted.shape
    error = np.abs(found.astype(int) - wanted)
    if file == "png":
        assert not error.any()
    else:
        assert content.startswith(b"\xff\xd8\xff")
        assert b"Exif" not in content
        assert error.mean() < 4
