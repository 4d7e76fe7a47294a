"""JSON of wrong types, of texts without end and of halves of letters: refused in words, by a plan as by an export."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.bad_items import BadItem, BadItems
from airflow_savemasks.engine.errors import ItemError, ProjectError, SettingsError
from airflow_savemasks.engine.geometry.base import Given
from airflow_savemasks.engine.geometry.table import parse_geometry
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.depth import DEEPEST
from airflow_savemasks.engine.project.ingest import ingest_pairs
from airflow_savemasks.engine.project.meta import parse_meta
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from tests.engine.samples import LAYER, annotation, layer, make_project, run
from tests.engine.test_dry_run import plan

SQUARE = [[1, 1], [4, 1], [4, 4], [1, 4]]
HALF = "\ud800"
DEEP = "[" * 100_000


@pytest.mark.parametrize("face", [None, 7, 1.5, True, "abcd", {"a": 1, "b": 1, "c": 1, "d": 1}])
def test_a_face_of_a_cuboid_that_is_no_list_is_refused(face: Any) -> None:
    with pytest.raises(ValueError, match="3 lists of 4 indices"):
        parse_geometry({"points": SQUARE, "faces": [[0, 1, 2, 3], face, [0, 1, 2, 3]]}, "cuboid", Given())


def test_a_face_of_truth_values_names_the_first_two_points() -> None:
    found = parse_geometry({"points": SQUARE, "faces": [[True, False, True, False]] * 3}, "cuboid", Given())
    assert found.box() == (1, 1, 4, 1)


@pytest.mark.parametrize("interior", [None, 7, 1.5, True])
def test_holes_of_a_part_that_are_no_list_are_refused(interior: Any) -> None:
    with pytest.raises(ValueError, match='"interior" of a part must be a list'):
        parse_geometry({"parts": [{"exterior": SQUARE, "interior": interior}]}, "multipolygon", Given())


EDGES: list[Any] = [None, 7, "ab", {"src": "a"}, [7], [{}], [{"src": "a"}], [{"src": [], "dst": "a"}]]


@pytest.mark.parametrize("edges", EDGES)
def test_a_template_with_edges_that_are_none_is_refused_before_any_item(edges: Any) -> None:
    config = {"nodes": {"a": {"loc": [1, 1]}}, "edges": edges}
    with pytest.raises(ProjectError, match="class 'g' is a graph without a template to draw by: it has"):
        parse_meta({"classes": [{"title": "g", "shape": "graph", "color": "#000000", "geometry_config": config}]}, "p")


@pytest.mark.parametrize("config", ["x", 7, [1], {"nodes": {"a": {}}, "edges": 7}, {"edges": []}])
def test_a_graph_of_a_class_of_any_shape_needs_a_template_too(config: Any) -> None:
    with pytest.raises(ValueError, match="the template of its class has"):
        parse_geometry({"geometryType": "graph", "nodes": {"a": {"loc": [1, 1]}}}, "any", Given(config))


@pytest.mark.parametrize("values", [["a", None], [1, 2], [["a"]]])
def test_values_of_a_tag_that_are_no_text_are_refused(values: list[Any]) -> None:
    tag = {"name": "t", "value_type": "oneof_string", "values": values}
    with pytest.raises(ProjectError, match="tag 't' has values that are no text"):
        parse_meta({"classes": [], "tags": [tag]}, "p")


@pytest.mark.parametrize("key", ["classes_mapping", "tags_mapping"])
@pytest.mark.parametrize("mapping", [{"leaf": HALF, "__other__": "__default__"}, {HALF: "a"}])
def test_half_of_a_letter_in_a_mapping_is_refused(key: str, mapping: dict[str, str]) -> None:
    settings = {"classes_mapping": "default", "tags_mapping": "default", key: mapping}
    graph = [{"action": "data", "src": ["p"], "dst": "$data_1", "settings": settings}, LAYER]
    with pytest.raises(SettingsError, match="half of a surrogate pair"):
        parse_layer(graph)


@pytest.mark.parametrize("text", [HALF, f"leaf: {HALF}", f"{HALF}: red", f"leaf: red\n{HALF}", f"leaf: {DEEP}"])
def test_a_text_of_colors_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as found:
        parse_layer(layer(gt_machine_color=text))
    assert len(str(found.value).encode()) < 1000


def test_limits_nested_without_end_are_refused() -> None:
    with pytest.raises(SettingsError, match="is no JSON object"):
        Options(limits=DEEP)


def test_the_meta_of_a_project_that_pictures_are_taken_into_may_be_damaged(tmp_path: Path) -> None:
    source, target = make_project(tmp_path / "from"), make_project(tmp_path / "to")
    (target / "meta.json").write_text("{")
    with pytest.raises(ProjectError, match=r"to/meta.json: broken JSON"):
        ingest_pairs(str(source), str(target), "ds0")


def test_an_error_has_no_text_of_megabytes_and_no_half_of_a_letter() -> None:
    error = ItemError("here", f"class {'x' * 10_000_000!r}", f"of {HALF}")
    assert len(error.problem) < 5000
    assert error.problem.startswith("class 'xxx")
    str(error).encode()


def test_the_first_bad_items_are_read_and_the_rest_is_still_there() -> None:
    bad = BadItems()
    for number in range(50):
        bad.add(BadItem(f"ds0/{number}", "place", "fact", "fix"))
    assert len(bad.read(20)) == 20
    bad.add(BadItem("ds0/50", "place", "fact", "fix"))
    assert [json.loads(line)["item"] for line in bad.lines()] == [f"ds0/{number}" for number in range(51)]


def test_what_is_nested_too_deep_to_be_written_again_is_a_bad_item_in_a_plan_too(tmp_path: Path) -> None:
    project, out = make_project(tmp_path / "p", items=3), tmp_path / "out"
    out.mkdir()
    places = {"0000": "customBigData", "0001": "smartToolInput"}
    for name, key in places.items():
        file = project / f"ds0/ann/{name}.png.json"
        data = json.loads(file.read_text())
        (data if name == "0000" else data["objects"][0])[key] = {"a": "HERE"}
        file.write_text(json.dumps(data).replace('"HERE"', '{"a":' * 300 + "1" + "}" * 300))
    told = plan(project, out, on_bad_item="skip")
    found = run(project, out, on_bad_item="skip")
    assert told["items"] == found["items"] == {"rendered": 1, "reused": 0, "skipped": 2}
    assert all("nested" in one["reason"] for one in found["skipped"])


def test_as_deep_as_is_allowed_is_written_again_and_a_level_deeper_is_a_bad_item(tmp_path: Path) -> None:
    """Of a label, which lies deepest in what is kept of it."""
    project, out = make_project(tmp_path / "p", items=2), tmp_path / "out"
    for name, levels in (("0000", DEEPEST), ("0001", DEEPEST + 1)):
        file = project / f"ds0/ann/{name}.png.json"
        data = json.loads(file.read_text())
        data["objects"][0]["smartToolInput"] = "HERE"
        file.write_text(json.dumps(data).replace('"HERE"', "[" * levels + "1" + "]" * levels))
    found = run(project, out, on_bad_item="skip", instances="ids")
    assert [one["item"] for one in found["skipped"]] == ["ds0/0001.png"]
    assert "nested" in found["skipped"][0]["reason"]


@pytest.mark.parametrize("many", [{"nodes": 10_001, "edges": 0}, {"nodes": 2, "edges": 10_001}])
def test_a_template_of_more_than_ten_thousand_is_refused(many: dict[str, int]) -> None:
    config = {
        "nodes": {f"{number}": {"loc": [0, 0]} for number in range(many["nodes"])},
        "edges": [{"src": "0", "dst": "1"}] * many["edges"],
    }
    with pytest.raises(ProjectError, match=r"more than 10,000 nodes or edges"):
        parse_meta({"classes": [{"title": "g", "shape": "graph", "color": "#000000", "geometry_config": config}]}, "p")


def test_many_values_of_a_tag_cost_no_more_than_few() -> None:
    values = [f"{number}" for number in range(300_000)]
    tag = parse_meta({"classes": [], "tags": [{"name": "t", "value_type": "oneof_string", "values": values}]}, "p")
    began = time.monotonic()
    assert all(tag.tags["t"].accepts("299999") for _ in range(10_000))
    assert time.monotonic() - began < 2  # looked through one after the other: half a minute


def test_many_bad_items_of_many_classes_cost_no_more_than_of_few() -> None:
    classes = [{"title": f"{number}", "shape": "line", "color": "#000000"} for number in range(50_000)]
    meta = parse_meta({"classes": classes, "tags": []}, "p")
    reader = AnnotationReader(meta, None, None, meta)
    content = json.dumps(annotation(1, objects=[{"classTitle": "nobody", "tags": []}])).encode()
    began = time.monotonic()
    for _ in range(1000):
        with pytest.raises(ItemError, match="'nobody' is not in meta.json"):
            reader.read(content, "here")
    assert time.monotonic() - began < 3  # sorted for each of them: twenty seconds
