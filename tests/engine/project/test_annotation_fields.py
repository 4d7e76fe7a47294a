"""What stands in the output's annotations and meta.json, field by field (supervisely-format, section 6)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from airflow_savemasks.engine.errors import ItemError, ProjectError
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.meta import Meta, map_meta, merge_metas, parse_meta
from airflow_savemasks.engine.tally import MOST_NAMES
from tests.engine.project.test_meta import graph, meta, tag

BOX = {"classTitle": "a", "tags": [], "points": {"exterior": [[1, 1], [3, 4]], "interior": []}}
OLD_SETTINGS = {"multiView": {"enabled": False, "tagName": None, "tagId": None, "isSynced": False}}


def read(own: Meta, objects: Any = (), mapping: Any = None, merged: Meta | None = None, **more: Any) -> dict[str, Any]:
    """The output's annotation as JSON. mapping: of classes."""
    content = {"size": {"height": 9, "width": 12}, "tags": [], "objects": objects, **more}
    reader = AnnotationReader(own, mapping, None, merged or map_meta(own, mapping, None, "p"))
    return orjson.loads(reader.read(orjson.dumps(content), "here").to_bytes())


def label(**more: Any) -> dict[str, Any]:
    (found,) = read(meta(("a", "rectangle")), [{**BOX, **more}])["objects"]
    return found


def test_an_annotation_keeps_its_description_and_ids_and_nothing_is_empty() -> None:
    own = meta(("a", "rectangle"))
    plain = {"description": "", "size": {"height": 9, "width": 12}, "tags": [], "customBigData": {}, "objects": []}
    assert read(own) == plain
    assert read(own, description=None, customBigData=None, imageId=None, other="x") == plain
    own_values = {"description": "fruit", "customBigData": {"k": 1}, "imageId": 0}
    assert read(own, **own_values) == {**plain, **own_values}


def test_a_label_keeps_what_belongs_to_it() -> None:
    assert label() == {
        "classTitle": "a",
        "description": "",
        "tags": [],
        "points": {"exterior": [[1, 1], [3, 4]], "interior": []},
        "geometryType": "rectangle",
        "shape": "rectangle",
        "nnCreated": False,
        "nnUpdated": False,
    }
    mine = {"id": 0, "labelerLogin": "me", "createdAt": "then", "updatedAt": "now", "instance": "i", "description": "d"}
    assert {key: label(**mine)[key] for key in mine} == mine
    assert label(smartToolInput={"x": 1})["smartToolInput"] == {"x": 1}
    assert "id" not in label(id=None)
    assert "other" not in label(other=1)


@pytest.mark.parametrize("created", [None, False, True])
@pytest.mark.parametrize("updated", [None, False, True])
def test_only_a_label_that_a_network_made_can_be_one_that_a_network_changed(created: Any, updated: Any) -> None:
    found = label(nnCreated=created, nnUpdated=updated)
    assert found["nnCreated"] is (created is True)
    assert found["nnUpdated"] is (created is True and updated is True)


def test_the_ids_of_a_label_are_lost_where_the_cut_makes_several_of_it() -> None:
    own = meta(("a", "line"))
    zigzag = {"exterior": [[1, 1], [1, -5], [5, -5], [5, 5]], "interior": []}
    twice = read(own, [{**BOX, "points": zigzag, "id": 7, "instance": "i"}])["objects"]
    assert [(one.get("id"), one["instance"]) for one in twice] == [(None, "i"), (None, "i")]
    once = {"exterior": [[1, 1], [1, -5]], "interior": []}
    (found,) = read(own, [{**BOX, "points": once, "id": 7}])["objects"]
    assert found["id"] == 7


def test_labels_get_the_ids_of_the_merged_classes_and_their_new_names() -> None:
    own = meta(("a", "rectangle"), ("b", "rectangle"))
    other = parse_meta({"classes": [{"title": "new", "shape": "rectangle", "color": "#000000", "id": 42}]}, "q")
    objects = [BOX, {**BOX, "classTitle": "b"}]
    found = read(own, objects, mapping={"a": "new", "b": "__ignore__"}, merged=other)["objects"]
    assert [(one["classTitle"], one["classId"]) for one in found] == [("new", 42)]
    assert "classId" not in label()


def test_a_label_of_a_dropped_class_has_to_be_right_all_the_same() -> None:
    own = meta(("a", "rectangle"))
    with pytest.raises(ItemError, match="broken geometry"):
        read(own, [{**BOX, "points": 5}], mapping={"a": "__ignore__"})


def test_a_label_of_a_shape_that_nobody_knows_is_written_as_it_came() -> None:
    own = meta(("a", "any"))
    raw = {**BOX, "geometryType": "mask_9d", "id": 7, "mine": [1], "nnUpdated": True}
    (found,) = read(own, [raw], mapping={"a": "b"})["objects"]
    assert found == {**raw, "classTitle": "b", "shape": "mask_9d", "nnCreated": False, "nnUpdated": False}


@pytest.mark.parametrize("odd", [5, None, [], {}, {"name": None}, {"name": 7}, {"value": "t"}, "unknown"])
def test_a_tag_that_is_no_object_or_has_no_known_name_is_named(odd: Any) -> None:
    own = meta(("a", "rectangle"), tags=[tag("t")])
    with pytest.raises(ItemError, match=r"here: tag .* is not in meta.json. Add the tag, or use one of \['t'\]"):
        read(own, tags=[odd])
    with pytest.raises(ItemError, match=r"here, label 0 \(class 'a'\): tag .* is not in meta.json"):
        read(own, [{**BOX, "tags": [odd]}])


def test_tags_are_kept_as_they_come_renamed_or_left_out() -> None:
    own = meta(tags=[tag("t"), tag("n", "any_number"), tag("gone")])
    given = [{"name": "n", "value": 5, "id": 3, "customData": {"x": 1}}, "t", {"name": "gone"}, {"name": "t"}]
    assert read(own, tags=given)["tags"] == [given[0], {"name": "t"}, {"name": "gone"}, {"name": "t"}]
    with pytest.raises(ItemError, match="tag 'n' of type 'any_number' has the value '5'. Correct the value$"):
        read(own, tags=[{"name": "n", "value": "5"}])
    mapping = {"t": "new", "n": "__default__", "gone": "__ignore__"}
    content = orjson.dumps({"size": {"height": 9, "width": 12}, "tags": given, "objects": []})
    found = AnnotationReader(own, None, mapping, own).read(content, "here").json["tags"]
    assert found == [given[0], {"name": "new"}, {"name": "new"}]


@pytest.mark.parametrize("data", [[], "x", 5, False])
def test_custom_data_of_a_tag_is_an_object(data: Any) -> None:
    own = meta(tags=[tag("t")])
    with pytest.raises(ItemError, match="\"customData\" of tag 't' is no object. Remove it"):
        read(own, tags=[{"name": "t", "customData": data}])
    assert read(own, tags=[{"name": "t", "customData": None}])["tags"] == [{"name": "t", "customData": None}]


@pytest.mark.parametrize("key", ["objects", "tags"])
@pytest.mark.parametrize("value", [None, {}, "x"])
def test_objects_and_tags_are_lists(key: str, value: Any) -> None:
    with pytest.raises(ItemError, match='"objects" and "tags" must both be there and be lists'):
        read(meta(("a", "rectangle")), **{key: value})


@pytest.mark.parametrize("odd", [5, None, [], "a", {}, {"classTitle": 5, "tags": []}])
def test_a_label_that_is_no_object_or_has_no_class_is_named(odd: Any) -> None:
    with pytest.raises(ItemError, match='here, label 1: no "classTitle" in it'):
        read(meta(("a", "rectangle")), [BOX, odd])


@pytest.mark.parametrize("content", [b"[]", b"5", b"null", b'"x"', b"{}"])
def test_an_annotation_without_a_size_is_refused(content: bytes) -> None:
    own = meta()
    with pytest.raises(ItemError, match='here: no "size" in it'):
        AnnotationReader(own, None, None, own).read(content, "here")


def test_a_picture_of_one_pixel_has_a_size() -> None:
    assert read(meta(), size={"height": 1, "width": 1})["size"] == {"height": 1, "width": 1}


def test_a_message_names_twenty_classes_at_most() -> None:
    names = [f"c{number:02d}" for number in range(MOST_NAMES + 1)]
    for count, end in ((MOST_NAMES, r"'c19'\](\n|$)"), (MOST_NAMES + 1, r"'c19'\] and 1 more")):
        with pytest.raises(ItemError, match=f"class 'a' is not in meta.json. Add the class, or use one of .*{end}"):
            read(meta(*[(name, "any") for name in names[:count]]), [BOX])


def test_a_meta_is_written_with_what_it_lacked() -> None:
    assert meta(("a", "line"), tags=[tag("t"), "u"]).to_json() == {
        "classes": [
            {"description": "", "hotkey": "", "title": "a", "shape": "line", "color": "#010203", "geometry_config": {}}
        ],
        "tags": [
            {"color": color, "hotkey": "", "applicable_type": "all", "classes": [], "target_type": "all"}
            | {"name": name, "value_type": "none"}
            for name, color in (("t", "#7F7F7F"), ("u", "#000000"))
        ],
        "projectType": "images",
        "projectSettings": OLD_SETTINGS,
    }
    own = {"multiView": {"enabled": True, "tagName": "t", "tagId": 1, "isSynced": True}}
    assert meta(projectSettings=own).to_json()["projectSettings"] == own
    assert meta(projectSettings=None, projectType=None).to_json()["projectSettings"] == OLD_SETTINGS


def test_a_cuboid_has_no_template_in_the_output_and_a_graph_has_its_own() -> None:
    config = {"nodes": {"x": {}}, "edges": []}
    raw = {"title": "c", "color": "#000000", "geometry_config": config, "id": 3, "hotkey": "C"}
    found = parse_meta({"classes": [{**raw, "shape": shape} for shape in ("cuboid_2d",)]}, "p").to_json()["classes"][0]
    assert (found["geometry_config"], found["id"], found["hotkey"]) == ({}, 3, "C")
    assert graph({"x": {}}).to_json()["classes"][0]["geometry_config"] == config


@pytest.mark.parametrize("raw", [None, 5, [], {}, {"classes": None}, {"classes": {}}, {"classes": "x"}])
def test_a_meta_without_a_list_of_classes_is_refused(raw: Any) -> None:
    with pytest.raises(ProjectError, match='p/meta.json: no list "classes" in it'):
        parse_meta(raw, "p/meta.json")


@pytest.mark.parametrize("key", ["tags", "tags_images", "tags_objects"])
def test_tags_are_a_list_or_nothing(key: str) -> None:
    for nothing in (None, [], "", {}, 0):
        assert parse_meta({"classes": [], key: nothing}, "p").tags == {}
    for odd in ({"name": "t"}, "t", 5):
        with pytest.raises(ProjectError, match=f'"{key}" is .*, not a list'):
            parse_meta({"classes": [], key: odd}, "p")
    assert list(parse_meta({"classes": [], key: ["t"]}, "p").tags) == ["t"]


def test_of_two_tags_or_classes_of_one_name_one_is_too_many() -> None:
    with pytest.raises(ProjectError, match="two tags named 't'. Rename"):
        meta(tags=[tag("t"), tag("t")])
    with pytest.raises(ProjectError, match="two tags named 't'"):
        meta(tags_images=[tag("t")], tags_objects=[tag("t", "any_string")])
    with pytest.raises(ProjectError, match="two classes named 'a'"):
        meta(("a", "line"), ("a", "line"))
    with pytest.raises(ProjectError, match="both"):
        meta(tags=["t"], tags_objects=["u"])


@pytest.mark.parametrize("color", ["#01020", "#0102033", "010203", "#01020g", "#01020\n", "", "x#010203"])
def test_a_color_is_six_digits_behind_a_hash(color: str) -> None:
    found = parse_meta({"classes": [{"title": "a", "shape": "line", "color": color}]}, "p")
    assert found.classes["a"].raw["color"] == "#CA978112CA1B"[:7]  # of the name's SHA-256
    assert found.warnings == (f"p: classes with a color that is not #RRGGBB: 'a' ({color!r}, #CA9781 is used)",)
    for good in ("#aBcDeF", "#000000"):
        kept = parse_meta({"classes": [{"title": "a", "shape": "line", "color": good}]}, "p")
        assert (kept.classes["a"].raw["color"], kept.warnings) == (good, ())


@pytest.mark.parametrize("config", [None, {}, [], {"nodes": None}, {"nodes": []}, {"edges": []}, "x"])
def test_a_graph_needs_a_template_with_nodes(config: Any) -> None:
    raw = {"title": "g", "shape": "graph", "color": "#000000", "geometry_config": config}
    with pytest.raises(ProjectError, match="class 'g' is a graph without a template"):
        parse_meta({"classes": [raw]}, "p")
    assert parse_meta({"classes": [{**raw, "shape": "line"}]}, "p").classes["g"].template == (config or {})


def test_warnings_of_merged_metas_are_told_once_each() -> None:
    raw = {"classes": [{"title": "a", "shape": "line", "color": "red"}]}
    one, two = parse_meta(raw, "p"), parse_meta(raw, "q")
    found = merge_metas([("p", one), ("q", two), ("p", one)])
    assert [warning[:2] for warning in found.warnings] == ["p:", "q:"]
    assert merge_metas([]).to_json()["classes"] == []
    own = meta(projectSettings={"x": 1})
    assert merge_metas([("p", own), ("q", meta())]).settings == {"x": 1}


def test_renamed_tags_of_one_name_need_one_kind_and_unnamed_ones_are_an_error() -> None:
    own = meta(tags=[tag("s"), tag("t"), tag("n", "any_number")])
    same = map_meta(own, None, {"s": "x", "t": "x", "n": "__ignore__"}, "p")
    assert [(name, found.name) for name, found in same.tags.items()] == [("x", "x")]
    with pytest.raises(ProjectError, match="tags_mapping makes 'x' of tags with other values"):
        map_meta(own, None, {"s": "x", "__other__": "x"}, "p")
    with pytest.raises(ProjectError, match="tags_mapping says nothing of 't'"):
        map_meta(own, None, {"s": "x"}, "p")
    assert list(map_meta(own, None, {"__other__": "__default__"}, "p").tags) == ["s", "t", "n"]
