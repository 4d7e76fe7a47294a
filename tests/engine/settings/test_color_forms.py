"""How colors may be written in a layer, and what is said of those that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.color_forms import NAMES
from airflow_savemasks.engine.settings.layer import parse_layer
from tests.engine.samples import decoded, job_of, layer, make_project, members, run


def human(colors: Any) -> Any:
    return parse_layer(layer(gt_human_color=colors)).human_colors


@pytest.mark.parametrize(
    "colors",
    [
        {"leaf": [255, 123, 0], "box": [255, 165, 0]},
        "leaf: #FF7B00\nbox: orange",
        "\n  leaf : [255, 123, 0]  \r\n\nbox:orange\n",
        'leaf: "#ff7b00"\nbox: [255,165,0]',
    ],
)
def test_a_color_is_three_numbers_and_in_a_line_six_digits_or_a_name_too(colors: Any) -> None:
    assert human(colors) == {"leaf": (255, 123, 0), "box": (255, 165, 0)}


def test_a_class_with_a_colon_in_its_name_may_stand_in_a_line() -> None:
    assert human("a: b: red") == {"a: b": (255, 0, 0)}


@pytest.mark.parametrize(
    ("colors", "says"),
    [
        ({"leaf": "orange"}, 'gt_human_color.leaf: "orange" is not a list'),
        ("leaf: oragne", 'gt_human_color.leaf: "oragne" is no colour; did you mean "orange"?'),
        ("leaf: #ff7b0", 'gt_human_color.leaf: "#ff7b0" is no colour; write [255, 123, 0], "#ff7b00" or a name'),
        ({"leaf": "1, 2, 3"}, "gt_human_color.leaf: "),
        ("leaf: red\nbox: gren", 'gt_human_color.box: "gren" is no colour; did you mean "green"?'),
        ("leaf: red\nbox red", 'gt_human_color, line 2: "box red" is not "class: colour"'),
        ("leaf: red\n: red", "line 2"),
        ("leaf:", "line 1"),
        ("leaf: red\n\nleaf: blue", 'gt_human_color, line 3: "leaf" is there twice'),
        ("leaf: [1, 2", "gt_human_color, line 1: [1, 2 is not [R, G, B]"),
        ("leaf: [1, 2, 256]", "gt_human_color.leaf.2: 256 is not a whole number from 0 to 255"),
        ({"leaf": 7}, "gt_human_color.leaf: 7 is not a list"),
        (None, "gt_human_color: null is not an object"),
    ],
)
def test_what_is_no_color_is_named_with_what_would_be_right(colors: Any, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        human(colors)
    assert says in str(refused.value)


def test_the_fix_of_a_line_that_is_no_color_is_a_line_that_is_one() -> None:
    for wrong in ("leaf: oragne", "leaf red"):
        with pytest.raises(SettingsError) as refused:
            human(wrong)
        assert refused.value.fix == "Write a line for each class, such as: apple: orange"
    with pytest.raises(SettingsError) as refused:
        human({"leaf": "orange"})
    assert "layer.md" in refused.value.fix


def test_the_names_are_those_of_css() -> None:
    assert len(NAMES) == 148
    assert all(len(digits) == 6 and int(digits, 16) >= 0 for digits in NAMES.values())
    assert (NAMES["orange"], NAMES["rebeccapurple"], NAMES["grey"]) == ("ffa500", "663399", NAMES["gray"])


@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_empty_text_means_the_colors_of_meta_json_and_numbers_from_1(tmp_path: Path, empty: str) -> None:
    project = make_project(tmp_path / "p", items=1)
    raw = layer(gt_machine_color=empty, gt_human_color=empty)
    job = job_of(project, raw)
    assert job.colors.machine == {"leaf": (1, 1, 1), "box": (2, 2, 2)}
    assert job.colors.human == {"leaf": (0, 255, 0), "box": (255, 0, 0)}
    result = run(project, tmp_path / "out", raw)
    assert set(decoded(members(result["archive"])["ds0/masks_machine/0000.png"]).ravel()) <= {0, 1, 2}
    written = json.loads(Path(result["manifest"]).read_text())["settings"]
    assert written["gt_machine_color"] == {"leaf": [1, 1, 1], "box": [2, 2, 2]}
    assert result["warnings"] == []


def test_there_are_255_grays(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    classes = [{"title": f"c{number}", "shape": "any", "color": "#123456"} for number in range(256)]
    (project / "meta.json").write_text(json.dumps({"classes": classes}))
    with pytest.raises(SettingsError, match="gt_machine_color: empty, but there are 256 classes"):
        job_of(project, layer(gt_machine_color=""))
