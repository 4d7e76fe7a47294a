"""Doubts about a layer's colors: each kind is one line, and what is an error."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.meta import parse_meta
from airflow_savemasks.engine.settings.colors import Doubts, check_colors, find_doubts
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from tests.engine.samples import LAYER, add_item, job_of, layer, make_project, run
from tests.engine.settings.test_layer import data

BOTH = "'leaf', 'box' [9, 9, 9]"
FIVE = "'a', 'b', 'c', 'd', 'e'"


def doubts(names: str, mapped: dict[str, str | None] | None = None, **settings: Any) -> Doubts:
    classes = [{"title": name, "shape": "any", "color": "#000000"} for name in names.split()]
    return find_doubts(parse_layer(layer(**settings)), parse_meta({"classes": classes}, "p"), mapped or {})


def test_colors_without_a_doubt_are_not_remarked() -> None:
    assert doubts("leaf box") == Doubts()


@pytest.mark.parametrize(
    ("names", "settings", "told"),
    [
        (
            "leaf box",
            {"masks_human": False, "gt_machine_color": {"leaf": [0, 0, 0], "box": [0, 0, 1]}},
            ["gt_machine_color: black like the background: 'leaf'"],
        ),
        ("leaf box", {"masks_machine": False, "gt_human_color": {"leaf": [0, 0, 0], "box": [0, 0, 1]}}, []),
        (
            "leaf box",
            {"masks_machine": False, "gt_human_color": {"leaf": [9, 9, 9], "box": [9, 9, 9]}},
            ["classes share a colour: gt_human_color 'leaf', 'box' [9, 9, 9]"],
        ),
        (
            "leaf box",
            {name: {"leaf": [9, 9, 9], "box": [9, 9, 9]} for name in ("gt_machine_color", "gt_human_color")},
            [f"classes share a colour: gt_machine_color {BOTH}; gt_human_color {BOTH}"],
        ),
    ],
)  # fmt: skip
def test_each_kind_of_likely_mistake_is_one_line(names: str, settings: dict[str, Any], told: list[str]) -> None:
    assert doubts(names, **settings) == Doubts(doubtful=told)


@pytest.mark.parametrize(
    ("names", "settings", "told"),
    [
        ("leaf box a b c d e f", {}, f"6 classes without a colour are not drawn: {FIVE} and 1 more"),
        ("leaf box a", {"masks_machine": False}, "1 class without a colour is not drawn: 'a'"),
        (
            "leaf box a",
            {"gt_human_color": {"leaf": [1, 2, 3]}},
            "1 class without a colour is not drawn: 'a'; 1 class without a colour is not drawn in human masks: 'box'",
        ),
    ],
)
def test_classes_without_a_colour_are_one_line(names: str, settings: dict[str, Any], told: str) -> None:
    assert doubts(names, **settings) == Doubts(undrawn=[told])


@pytest.mark.parametrize(
    ("names", "mapped", "where", "fact"),
    [
        ("leaf boxx", {}, "gt_machine_color, gt_human_color", "no source has the class 'box' (did you mean 'boxx'?)"),
        ("Leaf", {}, "gt_machine_color, gt_human_color", "classes 'leaf' (did you mean 'Leaf'?), 'box'"),
        ("leaf", {"box": "crate"}, "gt_machine_color, gt_human_color", "'box' (classes_mapping makes 'crate' of it)"),
    ],
)
def test_a_color_for_a_class_that_no_source_has_comes_with_what_may_be_meant(
    names: str, mapped: dict[str, str | None], where: str, fact: str
) -> None:
    found = doubts(names, mapped)
    assert found.unknown is not None
    assert found.unknown[0] == where
    assert fact in found.unknown[1]


def test_only_the_masks_that_are_made_are_looked_at_and_only_ten_names_are_spelled_out() -> None:
    assert doubts("leaf box", masks_human=False, gt_human_color={"ghost": [1, 1, 1]}) == Doubts()
    many = {f"ghost {number}": [number, 0, 0] for number in range(1, 14)}
    found = doubts("leaf", masks_machine=False, gt_human_color=many)
    assert found.unknown is not None
    assert found.unknown[0] == "gt_human_color"
    assert found.unknown[1].endswith("'ghost 10' and 3 more")


def test_a_class_that_a_mapping_leaves_out_may_have_a_color() -> None:
    found = doubts("leaf", {"box": None})
    assert found == Doubts(doubtful=["colours of classes that classes_mapping leaves out are not used: 'box'"])


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({}, None),
        ({"strict_colors": True}, "classes_mapping leaves out"),
        ({"strict_colors": "all"}, "1 class without a colour is not drawn: 'a'"),
    ],
)
def test_what_is_an_error_where_colors_are_strict(options: dict[str, Any], refused: str | None) -> None:
    parsed = parse_layer(layer())
    meta = parse_meta({"classes": [{"title": name, "shape": "any", "color": "#000000"} for name in ("leaf", "a")]}, "p")
    if refused is None:
        assert len(check_colors(parsed, meta, {"box": None}, Options(**options))) == 2
        return
    with pytest.raises(SettingsError) as error:
        check_colors(parsed, meta, {"box": None}, Options(**options))
    assert refused in str(error.value)
    assert ("without a colour" in str(error.value)) == (options["strict_colors"] == "all")


def test_a_misspelled_class_fails_the_export_before_anything_is_written_and_may_be_allowed(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    misspelled = {"laef": [0, 255, 0], "box": [255, 0, 0]}
    raw = layer(gt_machine_color=misspelled, gt_human_color=misspelled)
    with pytest.raises(SettingsError, match=r"no source has the class 'laef' \(did you mean 'leaf'\?\)") as refused:
        run(project, tmp_path / "out", raw, unknown_colors="error")
    assert "unknown_colors" in refused.value.fix
    assert not list((tmp_path / "out").rglob("*"))
    told = run(project, tmp_path / "out", raw, unknown_colors="warn")["warnings"]
    meant = "no source has the class 'laef' (did you mean 'leaf'?)"
    assert told == [
        f"gt_machine_color, gt_human_color: {meant}; their colours are not used",
        "1 class without a colour is not drawn: 'leaf'",
    ]


@pytest.mark.parametrize(
    ("written", "refused"),
    [
        ("laef", True),
        ("Leaf", True),
        ("leafs", True),
        ("no such class", False),
        ("leaf_2", False),  # names that differ by numbers are names of their own
        ("bxo", False),  # "box" has a color of its own: nothing is left out
    ],
)
def test_outside_of_a_dag_only_what_reads_like_a_class_without_a_color_is_refused(
    tmp_path: Path, written: str, refused: bool
) -> None:
    project = make_project(tmp_path / "p", items=1)
    raw = layer(gt_machine_color={written: [1, 1, 1], "box": [2, 2, 2]}, masks_human=False)
    with pytest.raises(SettingsError, match="no source has the class") if refused else nullcontext():
        assert any("no source has the class" in line for line in run(project, tmp_path / "out", raw)["warnings"])


def test_a_layer_for_two_projects_needs_each_class_in_one_of_them(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    graph = [{**data(["p"], "$data_1"), "settings": {"classes_mapping": {"leaf": "frond", "box": "__ignore__"},
              "tags_mapping": "default"}}, LAYER]  # fmt: skip
    with pytest.raises(SettingsError, match=r"'leaf' \(classes_mapping makes 'frond' of it\)"):
        job_of(project, graph, unknown_colors="error")


NOTHING = r"nothing is drawn: no mask of 2 items shows any of 4 labels"


def test_an_export_that_draws_nothing_though_there_are_labels_is_an_error(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=2)
    raw = layer(gt_machine_color={}, gt_human_color={})
    with pytest.raises(SettingsError, match=f"{NOTHING}. Give colours for .* such as 'leaf', 'box'"):
        run(project, tmp_path / "out", raw)
    assert not list((tmp_path / "out").glob("export.*"))
    allowed = run(project, tmp_path / "out", raw, unknown_colors="warn")
    assert any(line.startswith("nothing is drawn: ") for line in allowed["warnings"])
    with pytest.raises(SettingsError, match=NOTHING):  # also where the archive is there, and nothing changed
        run(project, tmp_path / "out", raw, unknown_colors="error")
    assert run(project, tmp_path / "out", raw, unknown_colors="warn")["unchanged"]


def test_black_machine_masks_alone_show_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=2)
    black = {"leaf": [0, 0, 0], "box": [0, 0, 0]}
    with pytest.raises(SettingsError, match=NOTHING):
        run(project, tmp_path / "out", layer(masks_human=False, gt_machine_color=black), unknown_colors="error")
    run(project, tmp_path / "out", layer(gt_machine_color=black))  # the human masks show them


def test_no_labels_are_no_mistake_nor_is_one_class_that_is_drawn_in_human_masks_only(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=0)
    add_item(project, "a.png", 1, objects=[])
    run(project, tmp_path / "out", layer(gt_machine_color={}, gt_human_color={}))
    add_item(project, "b.png", 1)
    run(project, tmp_path / "out", layer(gt_machine_color={}))
