"""Annotations: what is too large is refused before it is parsed, and what they say is read as it stands."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.geometry.bitmap_coding import encode_mask
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.project import annotation as annotations
from airflow_savemasks.engine.project.annotation import AnnotationReader, empty_annotation
from airflow_savemasks.engine.project.meta import parse_meta

META = parse_meta(
    {
        "classes": [
            *({"title": f"c{n:02d}", "shape": "rectangle", "color": "#000000"} for n in range(25)),
            {"title": "mask", "shape": "bitmap", "color": "#000000"},
        ],
        "tags": [{"name": "ripe", "value_type": "oneof_string", "values": ["yes", "no"]}],
    },
    "meta.json",
)


def reader(**limits: int) -> AnnotationReader:
    return AnnotationReader(META, None, None, META, Limits(**limits))


def text(objects: list[Any], **changes: Any) -> bytes:
    return json.dumps({"size": {"height": 9, "width": 12}, "tags": [], "objects": objects, **changes}).encode()


BOX = {"classTitle": "c01", "tags": [], "points": {"exterior": [[1, 1], [3, 4]], "interior": []}}


def test_limits_refuse_what_is_above_them_and_take_what_is_at_them() -> None:
    content = text([BOX, BOX])
    values = sum(content.count(letter) for letter in (b",", b"[", b"{"))
    exact = reader(annotation_bytes=len(content), annotation_values=values, labels=2)
    assert len(exact.read(content, "here").labels) == 2
    for name, most, fact in (
        ("annotation_bytes", len(content) - 1, f"{len(content)} bytes of an annotation's file"),
        ("annotation_values", values - 1, f"{values} values in an annotation"),
        ("labels", 1, "2 labels on a picture"),
    ):
        with pytest.raises(ItemError, match=f"here: too large: {fact}.*; at most {most} are taken"):
            reader(**{name: most}).read(content, "here")


def test_the_size_is_looked_at_before_any_label() -> None:
    def refuse(height: int, width: int) -> None:
        raise ItemError("here", f"{width}x{height}", "no")

    with pytest.raises(ItemError, match="12x9"):
        reader().read(text([7]), "here", refuse)


@pytest.mark.parametrize("size", [{"height": 9}, {"height": 9, "width": "12"}, {"height": 9.0, "width": 12},
                                  {"height": 0, "width": 12}, {"height": 9, "width": -1}, None, 7])  # fmt: skip
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(ItemError, match="size"):
        reader().read(text([], size=size), "here")


def test_errors_name_the_label_and_only_some_of_many_classes() -> None:
    with pytest.raises(ItemError) as found:
        reader().read(text([BOX, {**BOX, "classTitle": "zebra"}]), "here")
    assert found.value.where == "here, label 1"
    assert "'c19'] and 6 more" in found.value.fix
    with pytest.raises(ItemError, match="tag 'sour' is not in meta.json"):
        reader().read(text([], tags=[{"name": "sour"}]), "here")
    with pytest.raises(ItemError, match=r"tag 'ripe' .* has the value 'perhaps'.*one of \['no', 'yes'\]"):
        reader().read(text([], tags=[{"name": "ripe", "value": "perhaps"}]), "here")


def test_an_error_that_nobody_foresaw_is_noted_with_its_label() -> None:
    broken = {"classTitle": "mask", "tags": [], "bitmap": {"origin": [0, 0], "data": {}}}
    with pytest.raises((ItemError, TypeError)) as found:
        reader().read(text([BOX, broken]), "here")
    assert "label 1" in str(found.value) + "".join(getattr(found.value, "__notes__", ()))


def test_labels_of_pixels_are_forgotten_once_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "HELD", 9 * 12)
    data = {"origin": [0, 0], "data": encode_mask(np.ones((9, 12), bool))}
    labels = [{"classTitle": "mask", "tags": [], "bitmap": data}] * 3
    found = reader().read(text(labels), "here").labels
    assert [label.geometry._array is None for label in found] == [False, True, True]  # type: ignore[attr-defined]
    canvases = [np.zeros((9, 12), np.uint8) for _ in found]
    for label, canvas in zip(found, canvases, strict=True):
        label.geometry.draw(canvas, 7)
    assert all((canvas == 7).all() for canvas in canvases)
    assert [label.to_json()["bitmap"] for label in found] == [data] * 3


def test_the_order_of_keys_in_an_object_stays() -> None:
    label = reader().read(text([{**BOX, "id": 4, "instance": "x"}]), "here").labels[0]
    wanted = "classTitle description tags points geometryType shape nnCreated nnUpdated instance id"
    assert list(label.to_json()) == wanted.split()


def test_a_picture_without_an_annotation_gets_an_empty_one() -> None:
    assert json.loads(empty_annotation(9, 12).to_bytes()) == {
        "description": "", "size": {"height": 9, "width": 12}, "tags": [], "customBigData": {}, "objects": []
    }  # fmt: skip
