"""The keys of a layer, one by one: what each may be, and what is said where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.layer import Input, parse_layer
from tests.engine.samples import LAYER, layer
from tests.engine.settings.test_layer import data


def refusal(raw: Any) -> str:
    with pytest.raises(SettingsError) as found:
        parse_layer(raw)
    return str(found.value)


def test_a_layer_is_read_as_it_stands() -> None:
    parsed = parse_layer(LAYER)
    assert (parsed.dst, parsed.src, parsed.inputs) == ("export", ("$data_1",), (Input("$data_1"),))
    assert (parsed.masks_machine, parsed.masks_human, parsed.warnings) == (True, True, ())
    assert parsed.machine_colors == {"leaf": (100, 100, 100), "box": (200, 200, 200)}
    assert parsed.human_colors == {"leaf": (0, 255, 0), "box": (255, 0, 0)}
    assert parse_layer(json.dumps(LAYER)) == parse_layer(json.dumps(LAYER).encode()) == parse_layer([LAYER]) == parsed
    assert parse_layer({**LAYER, "src": "$data_1", "dst": ["export"]}) == parsed
    assert parse_layer({**LAYER, "action": "export_archive_with_masks"}) == parsed
    assert parse_layer({**LAYER, "src": ["$b", "$a", "$b"]}).src == ("$b", "$a")


@pytest.mark.parametrize("name", ["a", "a/b", " padded ", "...", "a.b", ".hidden/x", "Ж", "a\u00a0b"])
def test_any_path_below_team_files_names_an_archive(name: str) -> None:
    assert parse_layer(layer(dst=name)).dst == name.strip()


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("", "no name for the archive"),
        ("  ", "no name for the archive"),
        ([], "no name for the archive"),
        ("a\nb", "has a character that no name may have"),
        ("a\x7fb", "has a character that no name may have"),
        ("a\ud800", "has a character that no name may have"),
        ("a//b", "'a//b' cannot name an archive"),
        ("a/", "cannot name an archive"),
        ("a/./b", "cannot name an archive"),
        ("..", "cannot name an archive"),
        (".parts", "cannot name an archive"),
    ],
)
def test_what_cannot_name_an_archive_is_said(name: Any, fact: str) -> None:
    told = refusal({**LAYER, "dst": name})
    assert told.startswith("layer, dst: ")
    assert fact in told


def test_of_several_names_the_first_counts_with_a_warning() -> None:
    parsed = parse_layer({**LAYER, "dst": ["one", "two"]})
    assert parsed.dst == "one"
    assert parsed.warnings == ("layer: dst has 2 names; the first, 'one', names the archive",)


@pytest.mark.parametrize("name", ["data_1", "$", "", " $data_1"])
def test_a_source_of_a_save_layer_is_a_connection(name: str) -> None:
    assert f"layer, src: {name!r} is no connection" in refusal({**LAYER, "src": [name]})
    assert parse_layer({**LAYER, "src": ["$x"]}).src == ("$x",)


def test_old_flags_for_pictures_and_annotations_are_ignored_with_a_warning() -> None:
    raw = {**LAYER, "settings": {**LAYER["settings"], "images": False, "annotations": True, "archive_name": "x"}}
    parsed = parse_layer(raw)
    fact = "deprecated and ignored: pictures and annotations are always in the archive"
    assert parsed.warnings == (f"layer: settings.images, settings.annotations: {fact}",)
    assert parse_layer(LAYER).warnings == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gt_machine_color": {"a": [1, 2]}}, "settings.gt_machine_color.a: [1, 2] is not a colour"),
        ({"gt_machine_color": {"a": [1, 2, 3, 4]}}, "settings.gt_machine_color.a: [1, 2, 3, 4] is not a colour"),
        ({"gt_human_color": {"a": [1, 2, 256]}}, "gt_human_color.a.2: 256 is not a whole number from 0 to 255"),
        ({"gt_human_color": {"a": [1, -1, 2]}}, "gt_human_color.a.1: -1 is not a whole number from 0 to 255"),
        ({"gt_human_color": {"a": ["1", 1, 2]}}, 'gt_human_color.a.0: "1" is not a whole number'),
        ({"gt_human_color": {"a": "rde"}}, 'gt_human_color.a: "rde" is not a list'),
        ({"gt_human_color": []}, "gt_human_color: [] is not an object"),
        ({"masks_human": 1}, "masks_human: 1 is not true or false"),
        ({"masks_human": False, "masks_machine": False}, "both are false, so there is nothing to make"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_right(change: dict[str, Any], told: str) -> None:
    assert told in refusal(layer(**change))


@pytest.mark.parametrize("flag", ["machine", "human"])
def test_a_mask_that_is_made_needs_colors_and_one_that_is_not_does_not(flag: str) -> None:
    settings = {key: value for key, value in LAYER["settings"].items() if key != f"gt_{flag}_color"}
    assert f"gt_{flag}_color: needed because masks_{flag} is true" in refusal({**LAYER, "settings": settings})
    parsed = parse_layer({**LAYER, "settings": {**settings, f"masks_{flag}": False}})
    assert (parsed.machine_colors if flag == "machine" else parsed.human_colors) == {}
    assert [parsed.masks_machine, parsed.masks_human] == [flag != "machine", flag != "human"]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({k: v for k, v in LAYER.items() if k != "src"}, "layer: src: missing, and needed"),
        ({**LAYER, "more": 1}, "more: not known here; remove it or correct its spelling"),
        ({**LAYER, "src": [5]}, "src.0: 5 is not text"),
        ({**LAYER, "dst": 5}, "dst: 5 is not a"),
        ({**LAYER, "settings": 5}, "settings: 5 is not an object"),
        ({**LAYER, "action": "resize"}, "action: \"resize\" is not one of 'save_masks'"),
        ({**LAYER, "action": 5}, "action: 5 is not one of"),
        ([], "graph: 0 save layers"),
        (None, "layer: layer: null is not an object"),
        (b"\xff", "broken JSON"),
    ],
)
def test_a_layer_of_another_form_is_refused(raw: Any, told: str) -> None:
    assert told in refusal(raw)


@pytest.mark.parametrize(
    ("src", "project", "datasets"),
    [
        (["Fruits/ds0"], "Fruits", ("ds0",)),
        (["Fruits/a/b", "Fruits/ds0", "Fruits/a/b"], "Fruits", ("a/b", "ds0")),
        (["Fruits"], "Fruits", None),
        (["Fruits/"], "Fruits", None),
        (["Fruits/ds0", "Fruits"], "Fruits", None),
    ],
)
def test_a_data_layer_names_a_project_and_its_datasets(src: list[str], project: str, datasets: Any) -> None:
    (entry,) = parse_layer([data(src), LAYER]).inputs
    assert entry == Input("$data_1", project, datasets, None, None)


def test_a_data_layer_may_feed_several_connections_and_has_its_own_mappings() -> None:
    both = {**data(["A"], classes_mapping={"a": "b"}, tags_mapping={"t": "__ignore__"}), "dst": ["$a", "$b"]}
    parsed = parse_layer([both, layer(src=["$b", "$a"])])
    assert parsed.inputs == tuple(Input(name, "A", None, {"a": "b"}, {"t": "__ignore__"}) for name in ("$a", "$b"))
    one = {**data(["A"]), "src": "A/ds0"}
    assert parse_layer([one, LAYER]).inputs[0].datasets == ("ds0",)
    assert parse_layer([{**data(["A"]), "action": "images_project"}, LAYER]).inputs[0].project == "A"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"src": []}, "layer 0, src: it is empty"),
        ({"src": ["/ds0"]}, "layer 0, src: projects ['']"),
        ({"src": ["A/x", "B/x"]}, "layer 0, src: projects ['A', 'B']"),
        (
            {"settings": {"classes_mapping": "default", "tags_mapping": {"t": ""}}},
            "layer 0, tags_mapping: an empty new",
        ),
        ({"settings": {"classes_mapping": {"a": 5}, "tags_mapping": "default"}}, "layer 0: settings.classes_mapping"),
    ],
)
def test_a_data_layer_that_says_too_little_or_too_much_is_refused(change: dict[str, Any], told: str) -> None:
    assert told in refusal([{**data(), **change}, LAYER])


def test_a_class_that_utf_8_cannot_write_is_refused() -> None:
    said = "class '\\ud83d': has half of a surrogate pair"
    assert said in refusal(layer(gt_machine_color={"leaf": [1, 1, 1], "\ud83d": [2, 2, 2]}))
