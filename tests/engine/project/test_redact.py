"""People are taken out of what is published, and nothing else is. Rules: more-masks, section 13."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.project.redact import PEOPLE, redact_annotation, redact_meta
from tests.engine.samples import annotation, make_project, members, run

BEFORE = {
    "description": "by labeler1",
    "tags": [{"name": "train", "value": None, "labelerLogin": "labeler1", "createdAt": "2026-01-05T10:00:00.000Z",
              "customData": {"userId": 7}}],
    "customBigData": {"userId": 7}, "imageId": 5,
    "objects": [{"id": 1, "classId": 633, "classTitle": "kiwi",
                 "tags": [{"name": "ripe", "value": 3, "labelerLogin": "labeler2"}], "labelerLogin": "labeler1",
                 "createdBy": 7, "updatedAt": "2026-01-05T10:00:00.000Z"}],
}  # fmt: skip
AFTER = {
    "description": "by labeler1",
    "tags": [{"name": "train", "value": None, "createdAt": "2026-01-05T10:00:00.000Z", "customData": {"userId": 7}}],
    "customBigData": {"userId": 7}, "imageId": 5,
    "objects": [{"id": 1, "classId": 633, "classTitle": "kiwi", "tags": [{"name": "ripe", "value": 3}],
                 "updatedAt": "2026-01-05T10:00:00.000Z"}],
}  # fmt: skip


def test_the_vector_of_the_specification() -> None:
    kept = json.dumps(BEFORE)
    assert json.dumps(redact_annotation(BEFORE)) == json.dumps(AFTER)  # the order, too
    assert json.dumps(BEFORE) == kept
    assert redact_annotation(AFTER) is AFTER


def test_every_key_is_removed_at_every_place_and_nowhere_else() -> None:
    people: dict[str, Any] = dict.fromkeys(sorted(PEOPLE), "x")
    assert len(people) == 15
    tags = [{"name": "t", **people, "deeper": dict(people)}, "old tag"]
    thing = {"classTitle": "c", **people, "tags": tags, "customData": dict(people)}
    document = {
        **people, "tags": tags, "objects": [thing, {"tags": None, **people}],
        "customBigData": {**people, "probabilityLabels": [thing], "probabilityClasses": [{"title": "c", **people}]},
    }  # fmt: skip
    clean_tags = [{"name": "t", "deeper": people}, "old tag"]
    clean = {"classTitle": "c", "tags": clean_tags, "customData": people}
    assert redact_annotation(document) == {
        "tags": clean_tags, "objects": [clean, {"tags": None}],
        "customBigData": {**people, "probabilityLabels": [clean], "probabilityClasses": [{"title": "c"}]},
    }  # fmt: skip
    odd = {"tags": None, "objects": [], "customBigData": [people]}
    assert redact_annotation(odd) is odd
    meta = {"classes": [{"title": "c", **people, "geometry_config": dict(people)}], "tags": [thing], **people}
    assert redact_meta(meta) == {
        "classes": [{"title": "c", "geometry_config": people}],
        "tags": [{"classTitle": "c", "tags": tags, "customData": people}],
    }


def test_an_archive_has_no_people_in_it_and_where_there_are_none_every_byte_is_the_same(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=2)
    plain = run(project, tmp_path / "plain")
    run(project, tmp_path / "out", redact=True)
    assert (tmp_path / "plain/export.tar").read_bytes() == (tmp_path / "out/export.tar").read_bytes()
    meta = json.loads((project / "meta.json").read_text())
    meta["classes"][0]["createdBy"] = "mallory"
    (project / "meta.json").write_text(json.dumps({**meta, "userLogin": "mallory"}))
    raw = annotation(0)
    raw["objects"][0] |= {"labelerLogin": "mallory", "createdAt": "2026"}
    (project / "ds0/ann/0000.png.json").write_text(json.dumps(raw))
    open_ = members(run(project, tmp_path / "open")["archive"])
    closed = members(run(project, tmp_path / "closed", redact=True)["archive"])
    assert b"mallory" in open_["ds0/ann/0000.png.json"]
    assert b"mallory" in open_["meta.json"]
    assert not [name for name, content in closed.items() if b"mallory" in content]
    assert b'"createdAt":"2026"' in closed["ds0/ann/0000.png.json"]
    assert {n: c for n, c in open_.items() if b"mallory" not in c}.items() <= closed.items()
    assert plain["items"]["rendered"] == 2
