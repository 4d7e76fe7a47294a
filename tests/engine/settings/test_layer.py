"""Graphs and refusals that `config_cases.json` does not have (supervisely-format, section 7)."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.layer import parse_layer
from tests.engine.samples import LAYER, layer


def data(src: Any = ("Fruits",), dst: str = "$data_1", **settings: Any) -> dict[str, Any]:
    both = {"classes_mapping": "default", "tags_mapping": "default", **settings}
    return {"action": "data", "src": list(src), "dst": dst, "settings": both}


def test_a_graph_names_projects_and_datasets() -> None:
    parsed = parse_layer([data(["Fruits/ds0", "Fruits/a/b"]), LAYER])
    assert parsed.inputs[0].project == "Fruits"
    assert parsed.inputs[0].datasets == ("ds0", "a/b")


@pytest.mark.parametrize("src", [["Fruits"], ["Fruits/*"], ["Fruits/ds0", "Fruits/*"]])
def test_a_project_alone_or_with_a_star_means_all_datasets(src: list[str]) -> None:
    assert parse_layer([data(src), LAYER]).inputs[0].datasets is None


def test_inputs_keep_the_order_of_the_graph_and_src_that_of_the_save_layer() -> None:
    parsed = parse_layer([data(["A"], "$a"), data(["B"], "$b"), layer(src=["$b", "$a"])])
    assert [entry.project for entry in parsed.inputs] == ["A", "B"]
    assert parsed.src == ("$b", "$a")


def test_a_data_layer_that_feeds_nothing_is_a_warning() -> None:
    parsed = parse_layer([data(), data(["B"], "$spare"), LAYER])
    assert [entry.project for entry in parsed.inputs] == ["Fruits"]
    assert "$spare" in parsed.warnings[0]


@pytest.mark.parametrize(
    ("raw", "place", "fact"),
    [
        ("{", "layer", "broken JSON"),
        ([data()], "graph", "0 save layers"),
        ([data(), LAYER, LAYER], "graph", "2 save layers"),
        ([data(dst="$x"), LAYER], "layer 1, src", "no data layer has dst '$data_1'"),
        ([data(["A", "B"]), LAYER], "layer 0, src", "projects ['A', 'B']"),
        ([data(classes_mapping={"a": " "}), LAYER], "layer 0, classes_mapping", "empty new name"),
        ([data(classes_mapping=7), LAYER], "layer 0", "classes_mapping"),
        (layer(dst="../outside"), "layer, dst", "cannot name an archive"),
        (layer(dst="/etc/x"), "layer, dst", "cannot name an archive"),
        (layer(dst=".parts/x"), "layer, dst", "cannot name an archive"),
        (layer(src=[]), "layer, src", "empty"),
        (5, "layer", "not an object"),
        ([[]], "layer 0", "not an object"),
    ],
)
def test_a_refusal_names_place_and_fact(raw: Any, place: str, fact: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_layer(raw)
    assert refused.value.where == place
    assert fact in refused.value.problem
    assert refused.value.fix


def test_an_unknown_action_in_a_graph_names_its_layer() -> None:
    with pytest.raises(SettingsError, match=r"layer 0 \(action 'crop', dst '\$c'\)"):
        parse_layer([{"action": "crop", "src": [], "dst": "$c", "settings": {}}, LAYER])


def test_all_mistakes_of_a_layer_come_at_once() -> None:
    bad = layer(gt_machine_color={"a": [1]}, masks_human="yes")
    with pytest.raises(SettingsError) as refused:
        parse_layer(bad)
    assert "gt_machine_color.a" in refused.value.problem
    assert "masks_human" in refused.value.problem


def test_json_nested_without_end_is_refused_like_other_broken_json() -> None:
    with pytest.raises(SettingsError, match="broken JSON"):
        parse_layer("[" * 200_000)
