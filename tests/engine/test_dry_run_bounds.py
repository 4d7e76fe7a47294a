"""What labels alone make impossible to draw is told by a plan as an export tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.masks import label_map
from tests.engine.samples import annotation, layer, make_project, run
from tests.engine.test_dry_run import plan

HUMAN = {"format": "jpeg", "layout": "overlay"}


def polygon(*holes: list[list[int]]) -> dict[str, Any]:
    triangle = [[1, 1], [20, 1], [20, 20]]
    return {"classTitle": "leaf", "tags": [], "points": {"exterior": triangle, "interior": list(holes)}}


@pytest.mark.parametrize(
    ("options", "limits", "objects"),
    [
        ({"instances": "files"}, {"instance_pixels": 2000}, None),
        ({"instances": "ids"}, {}, None),
        ({"line_width": 30}, {"line_pixels": 10}, [{**polygon(), "classTitle": "way"}]),
        ({}, {"rows_above": 1000}, [polygon([[3, 3], [5, -900], [9, 3]])]),
    ],
    ids=["files", "ids", "lines", "rows"],
)
def test_a_plan_and_an_export_refuse_the_same_items(
    options: dict[str, Any], limits: dict[str, int], objects: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_map, "MOST_PLACES", 1)
    project, out = make_project(tmp_path / "p", items=2), tmp_path / "out"
    out.mkdir()
    classes = json.loads((project / "meta.json").read_text())["classes"]
    classes.append({"title": "way", "shape": "line", "color": "#0000FF"})
    (project / "meta.json").write_text(json.dumps({"classes": classes, "tags": []}))
    (project / "ds0/ann/0001.png.json").write_text(json.dumps(annotation(1, objects=[])))
    if objects is not None:
        (project / "ds0/ann/0000.png.json").write_text(json.dumps(annotation(1, objects=objects)))
    chosen = {"on_bad_item": "skip", "limits": limits, "unknown_colors": "warn", **options}
    told, found = plan(project, out, **chosen), run(project, out, **chosen)
    assert told["items"] == found["items"] == {"rendered": 1, "reused": 0, "skipped": 1}
    assert found["skipped"][0]["reason"].endswith(": " + told["bad_items"][0]["fact"])


@pytest.mark.parametrize("options", [{}, {"instances": "ids"}])
def test_what_masks_would_take_that_nobody_asked_for_is_no_reason_to_refuse(
    options: dict[str, Any], tmp_path: Path
) -> None:
    project, out = make_project(tmp_path / "p", items=2), tmp_path / "out"
    result = run(project, out, limits={"instance_pixels": 1}, **options)
    assert result["items"] == {"rendered": 2, "reused": 0, "skipped": 0}


def test_a_human_mask_that_no_jpeg_holds_is_told(tmp_path: Path) -> None:
    project, out = make_project(tmp_path / "p", items=1), tmp_path / "out"
    out.mkdir()
    size = {"height": 2, "width": 70_000}
    (project / "ds0/ann/0000.png.json").write_text(json.dumps(annotation(1, objects=[], size=size)))
    told = plan(project, out, layer(), human=HUMAN, on_bad_item="skip")
    assert told["items"]["skipped"] == 1
    assert "a JPEG at most 65500" in told["bad_items"][0]["fact"]
