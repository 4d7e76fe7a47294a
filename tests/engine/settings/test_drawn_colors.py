"""Colors and values that are drawn, from the layer and the options (more-masks, sections 0 to 2)."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.meta import parse_meta
from airflow_savemasks.engine.settings.asked import not_at_default, of_masks
from airflow_savemasks.engine.settings.colors import Colors, check_colors, with_colors
from airflow_savemasks.engine.settings.drawn_colors import drawn_colors
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from tests.engine.samples import layer

Grays = dict[str, int]


def drawn(classes: str, settings: dict[str, Any], **options: Any) -> Colors:
    """classes: names, or name=color."""
    pairs = [name.partition("=") for name in classes.split()]
    raw = [{"title": name, "shape": "any", "color": color or "#102030"} for name, _, color in pairs]
    meta = parse_meta({"classes": raw}, "meta.json")
    chosen = Options(**options)
    given = {"masks_machine": True, "masks_human": False, **settings}
    parsed = parse_layer({**layer(), "settings": given}, chosen.unlisted)
    return drawn_colors(with_colors(parsed, meta, chosen), meta, chosen)


def grays(**values: int) -> dict[str, Any]:
    return {"gt_machine_color": {name: [value] * 3 for name, value in values.items()}}


def refusal(classes: str, settings: dict[str, Any], **options: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        drawn(classes, settings, **options)
    return str(refused.value)


def test_unlisted_classes_get_the_smallest_free_grays_in_the_order_of_meta() -> None:
    found = drawn("zebra ant bee cow dog spare", grays(bee=1, dog=4, yak=3), unlisted="auto")
    wanted = {"bee": 1, "dog": 4, "yak": 3, "zebra": 2, "ant": 5, "cow": 6, "spare": 7}
    assert found.machine == {name: (gray, gray, gray) for name, gray in wanted.items()}


def test_a_color_that_is_not_gray_takes_no_number() -> None:
    found = drawn("a b", {"gt_machine_color": {"b": [1, 1, 2]}}, unlisted="auto")
    assert found.machine == {"b": (1, 1, 2), "a": (1, 1, 1)}
    assert not found.gray


def test_unlisted_classes_get_the_colors_of_meta_in_human_masks() -> None:
    settings = {"masks_human": True, "gt_human_color": {"a": [0, 0, 0]}, **grays(a=9)}
    found = drawn("a=#111111 b=#000000 c=#A0B0C0", settings, unlisted="auto")
    assert found.human == {"a": (1, 1, 1), "b": (1, 1, 1), "c": (160, 176, 192)}
    assert found.shown == found.human


def test_maps_may_be_missing_with_auto_alone() -> None:
    missing = {"masks_human": True}
    found = drawn("a b=#0000FF", missing, unlisted="auto")
    assert found.machine == {"a": (1, 1, 1), "b": (2, 2, 2)}
    assert found.human == {"a": (16, 32, 48), "b": (0, 0, 255)}
    for unlisted in ("skip", "fail"):
        said = refusal("a", missing, unlisted=unlisted)
        assert "gt_machine_color: needed because masks_machine is true" in said
    assert "both are false" in refusal("a", {"masks_machine": False}, unlisted="auto")


def test_fail_names_each_map_and_class_of_the_masks_that_are_made() -> None:
    settings = {"masks_human": True, "gt_human_color": {"b": [1, 2, 3]}, **grays(a=9)}
    said = refusal("a b c", settings, unlisted="fail")
    assert "gt_machine_color: no colour for 'b', 'c'" in said
    assert "gt_human_color: no colour for 'a', 'c'" in said
    assert "gt_human_color" not in refusal("a b c", {**settings, "masks_human": False}, unlisted="fail")
    drawn("a b", {**grays(a=1, b=2), "gt_human_color": {}}, unlisted="fail")


@pytest.mark.parametrize(("count", "machine_png", "word"), [(256, "auto", "gray16"), (256, "palette", "gray16")])
def test_numbers_that_do_not_fit_are_refused(count: int, machine_png: str, word: str) -> None:
    classes = " ".join(f"c{number}" for number in range(count))
    assert word in refusal(classes, {}, unlisted="auto", machine_png=machine_png)
    found = drawn(classes, {}, unlisted="auto", machine_png="gray16")
    assert (found.machine or {})["c255"] == (256, 256, 256)


def test_no_number_is_above_16_bits() -> None:
    classes = " ".join(f"c{number}" for number in range(65_536))
    assert "65535" in refusal(classes, {}, unlisted="auto", machine_png="gray16")


def test_a_palette_shows_the_colors_of_people_at_the_grays_of_machines() -> None:
    settings = {**grays(a=3, b=200, gone=7), "gt_human_color": {"a": [250, 0, 0]}}
    found = drawn("a=#111111 b=#000000 c", settings, machine_png="palette")
    entries = [list(found.palette[at : at + 3]) for at in range(0, 768, 3)]
    wanted = [[i, i, i] for i in range(256)]
    wanted[3], wanted[200] = [250, 0, 0], [1, 1, 1]
    assert entries == wanted


def test_a_palette_that_cannot_be_names_each_class_that_is_to_blame() -> None:
    colors = {"odd": [1, 2, 3], "black": [0, 0, 0], "x": [5] * 3, "y": [5] * 3, "good": [9] * 3, "strange": [5] * 3}
    said = refusal("odd black x y good spare", {"gt_machine_color": colors}, machine_png="palette")
    assert "not gray: 'odd' [1, 2, 3]; black: 'black'; share the gray 5: 'x', 'y'." in said
    assert "good" not in said
    assert "strange" not in said
    human_only = {"masks_machine": False, "masks_human": True, "gt_machine_color": colors, "gt_human_color": {}}
    assert drawn("odd black x y", human_only, machine_png="palette").machine is None


def test_gray16_needs_grays_and_no_more() -> None:
    said = refusal("a b c", {"gt_machine_color": {"a": [1, 2, 3], "b": [7] * 3, "c": [0, 0, 1]}}, machine_png="gray16")
    assert "'a' [1, 2, 3], 'c' [0, 0, 1]" in said
    found = drawn("a b c", {"gt_machine_color": {"a": [0] * 3, "b": [7] * 3, "c": [7] * 3}}, machine_png="gray16")
    assert (found.machine or {})["c"] == (7, 7, 7)


def test_all_that_is_wrong_is_said_at_once() -> None:
    said = refusal("a b c", grays(a=5, b=5), machine_png="palette", unlisted="fail")
    assert "no colour for 'c'" in said
    assert "share the gray 5: 'a', 'b'" in said


def test_a_class_without_a_color_is_no_doubt_with_auto() -> None:
    raw = [{"title": name, "shape": "any", "color": "#102030"} for name in "ab"]
    meta = parse_meta({"classes": raw}, "meta.json")
    given = {"masks_machine": True, "masks_human": True}
    for chosen in (Options(unlisted="auto", strict_colors="all"), Options(unlisted="auto", strict_colors=True)):
        parsed = with_colors(parse_layer({**layer(), "settings": given}, "auto"), meta, chosen)
        assert check_colors(parsed, meta, {"a": "a", "b": "b"}, chosen) == []


def test_only_options_that_are_not_at_their_default_are_told() -> None:
    defaults = {"alpha": 0.5, "layout": "side_by_side", "max_side": None, "format": "png", "quality": 90}
    assert not_at_default(Options(human=defaults, overlap="order", line_width=1)) == {}
    some = Options(human={"alpha": 0.3, "quality": 7}, instances="ids", machine_png="rgb", unlisted="fail")
    assert not_at_default(some) == {
        "machine_png": "rgb",
        "unlisted": "fail",
        "human": {"alpha": 0.3, "quality": 7},
        "instances": "ids",
    }
    assert of_masks(some) == {"human": {"alpha": 0.3}, "instances": "ids"}
    assert of_masks(Options(human={"quality": 7})) == {}
    assert of_masks(Options(human={"quality": 7, "format": "jpeg"})) == {"human": {"format": "jpeg", "quality": 7}}
