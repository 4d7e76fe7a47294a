"""meta.json: reading, mapping, merging (supervisely-format, sections 1 and 7)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from airflow_savemasks.engine.errors import ItemError, ProjectError
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.meta import Meta, map_meta, merge_metas, parse_meta


def meta(*classes: tuple[str, str], tags: Any = (), **more: Any) -> Meta:
    raw = {
        "classes": [{"title": name, "shape": shape, "color": "#010203"} for name, shape in classes],
        "tags": list(tags),
    }
    return parse_meta({**raw, **more}, "p/meta.json")


def tag(name: str, kind: str = "none", **more: Any) -> dict[str, Any]:
    return {"name": name, "value_type": kind, **more}


def test_classes_may_be_kept_dropped_renamed_and_the_rest_caught_by_other() -> None:
    mapping = {"a": "__default__", "b": "__ignore__", "c": "sea", "__other__": "rest"}
    mapped = map_meta(meta(*[(name, "polygon") for name in "abcde"]), mapping, None, "p")
    assert list(mapped.classes) == ["a", "sea", "rest"]


def test_a_class_that_a_mapping_does_not_cover_is_an_error_and_an_unknown_key_is_not() -> None:
    with pytest.raises(ProjectError, match="says nothing of 'b'"):
        map_meta(meta(("a", "line"), ("b", "line")), {"a": "__default__", "zz": "x"}, None, "p")


def test_classes_of_one_shape_may_be_merged_by_name_and_of_two_shapes_not() -> None:
    assert list(map_meta(meta(("a", "line"), ("b", "line")), {"__other__": "x"}, None, "p").classes) == ["x"]
    with pytest.raises(ProjectError, match="'line' and 'point'"):
        map_meta(meta(("a", "line"), ("b", "point")), {"__other__": "x"}, None, "p")


def test_a_renamed_tag_is_renamed_in_the_annotations_too() -> None:
    own = meta(("a", "point"), tags=[tag("old"), tag("gone")])
    tags = {"old": "new", "gone": "__ignore__"}
    reader = AnnotationReader(own, None, tags, map_meta(own, None, tags, "p"))
    content = {"size": {"height": 2, "width": 2}, "tags": [{"name": "old"}, {"name": "gone"}], "objects": []}
    assert reader.read(orjson.dumps(content), "x").json["tags"] == [{"name": "new"}]


def test_the_first_of_a_name_wins_when_metas_are_merged_and_shapes_must_agree() -> None:
    first = meta(("a", "line"))
    second = parse_meta({"classes": [{"title": "a", "shape": "line", "color": "#FFFFFF"}]}, "q")
    assert merge_metas([("p", first), ("q", second)]).classes["a"].raw["color"] == "#010203"
    with pytest.raises(ProjectError, match=r"q: class 'a' is 'any' here and 'line'"):
        merge_metas([("p", first), ("q", meta(("a", "any")))])


def test_tags_merge_when_type_and_values_agree_in_any_order() -> None:
    one, two = (meta(tags=[tag("t", "oneof_string", values=list(values))]) for values in ("ab", "ba"))
    assert list(merge_metas([("p", one), ("q", two)]).tags) == ["t"]
    with pytest.raises(ProjectError, match="other values"):
        merge_metas([("p", one), ("q", meta(tags=[tag("t", "any_string")]))])


def test_old_metas_have_tags_of_images_and_of_objects() -> None:
    parsed = meta(tags_images=[tag("a")], tags_objects=[tag("a"), "b"])
    assert list(parsed.tags) == ["a", "b"]
    with pytest.raises(ProjectError, match="both"):
        meta(tags=[tag("a")], tags_images=[tag("b")])


def test_a_color_that_is_none_becomes_one_that_is_always_the_same_with_a_warning() -> None:
    raw = {"classes": [{"title": "a", "shape": "line", "color": "red"}]}
    one, two = parse_meta(raw, "p"), parse_meta(raw, "p")
    assert one.classes["a"].raw["color"] == two.classes["a"].raw["color"] != "red"
    assert "'red'" in one.warnings[0]


@pytest.mark.parametrize(
    ("raw", "fact"),
    [
        ([], "no list"),
        ({"classes": [{"title": "a", "shape": "line"}]}, "title, shape or color"),
        ({"classes": [{"title": "a", "shape": "graph", "color": "#000000"}]}, "without a template"),
        ({"classes": [], "tags": [{"name": "t", "value_type": "colour"}]}, "value_type"),
        ({"classes": [], "tags": [{"name": "t", "value_type": "oneof_string"}]}, "values"),
        ({"classes": [], "projectType": "videos"}, "'videos'"),
    ],
)
def test_a_broken_meta_is_refused(raw: Any, fact: str) -> None:
    with pytest.raises(ProjectError, match=fact):
        parse_meta(raw, "p/meta.json")


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"objects": [{"classTitle": "zebra", "tags": []}]}, "class 'zebra' is not in meta.json"),
        ({"objects": [{"classTitle": "a"}]}, "tags"),
        ({"objects": [{"tags": []}]}, "classTitle"),
        ({"objects": [{"classTitle": "a", "tags": [], "points": 5}]}, "label 0 .class 'a'.: broken geometry"),
        ({"tags": [{"name": "zz"}]}, "tag 'zz' is not in meta.json"),
        ({"tags": [{"name": "t", "value": "c"}]}, "has the value 'c'"),
        ({"size": {"height": 0, "width": 3}}, "size"),
        ({"size": None}, "size"),
        ({"objects": None}, "objects"),
    ],
)
def test_a_broken_annotation_is_named_with_its_label(change: dict[str, Any], fact: str) -> None:
    own = meta(("a", "point"), tags=[tag("t", "oneof_string", values=["a", "b"])])
    reader = AnnotationReader(own, None, None, own)
    content = {"size": {"height": 2, "width": 2}, "tags": [], "objects": [], **change}
    with pytest.raises(ItemError, match=fact):
        reader.read(orjson.dumps(content), "ds0/x.png.json")


def test_broken_json_is_named() -> None:
    own = meta()
    with pytest.raises(ItemError, match=r"ds0/x.png.json: broken JSON"):
        AnnotationReader(own, None, None, own).read(b'{"size": ', "ds0/x.png.json")


def graph(nodes: dict[str, Any]) -> Meta:
    item = {"title": "g", "shape": "graph", "color": "#010203", "geometry_config": {"nodes": nodes, "edges": []}}
    return parse_meta({"classes": [item], "tags": []}, "p/meta.json")


def test_graphs_of_one_name_merge_only_with_one_template() -> None:
    assert list(merge_metas([("a", graph({"x": {}})), ("b", graph({"x": {}}))]).classes) == ["g"]
    with pytest.raises(ProjectError, match="with another template"):
        merge_metas([("a", graph({"x": {}})), ("b", graph({"y": {}}))])
    with pytest.raises(ProjectError, match="'polygon' here and 'rectangle' in an earlier source"):
        merge_metas([("a", meta(("k", "rectangle"))), ("b", meta(("k", "polygon")))])


@pytest.mark.parametrize(
    "item",
    [7, None, [], {}, {"name": 7, "value_type": "none"}, {"name": "t"}, {"name": "t", "value_type": "colour"},
     {"name": "t", "value_type": "oneof_string"}, {"name": "t", "value_type": "none", "values": []}],
)  # fmt: skip
def test_a_tag_that_is_none_is_refused(item: Any) -> None:
    with pytest.raises(ProjectError, match="a tag without name or value_type|values do not match"):
        meta(tags=[item])


@pytest.mark.parametrize("item", [7, None, {}, {"title": "k"}, {"title": 7, "shape": "any", "color": "#000000"}])
def test_a_class_that_is_none_is_refused(item: Any) -> None:
    with pytest.raises(ProjectError, match="a class without title, shape or color"):
        parse_meta({"classes": [item], "tags": []}, "p/meta.json")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("none", [None], ["x", 0, False]),
        ("any_number", [1, 2.5, -3], ["1", None]),
        ("any_string", ["", "x"], [1, None]),
        ("oneof_string", ["a", "b"], ["c", None, 1]),
        ("date", ["2024-02-29", "2024-02-29T10:00:00Z", "2024-02-29T10:00:00+02:00"], ["2023-02-29", "soon", 5, None]),
    ],
)
def test_a_tag_takes_the_values_of_its_kind(kind: str, good: list[Any], bad: list[Any]) -> None:
    more = {"values": ["a", "b"]} if kind == "oneof_string" else {}
    known = meta(tags=[tag("t", kind, **more)]).tags["t"]
    assert [known.accepts(value) for value in good] == [True] * len(good)
    assert [known.accepts(value) for value in bad] == [False] * len(bad)
