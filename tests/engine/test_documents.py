"""What is written is what its model says, with nothing more and nothing less, whatever was asked for."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest

from airflow_savemasks import documents, save_masks
from airflow_savemasks.engine.errors import BadItemsError
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project
from tests.engine.samples import layer, make_project

SCHEMAS = {name: model.model_json_schema(by_alias=True) for name, model in documents.DOCUMENTS.items()}


def assert_is(name: str, told: Any) -> None:
    """By the model and by its JSON Schema, which others read."""
    documents.DOCUMENTS[name].model_validate(told)
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(told)


def assert_all(project: Path, out: Path, raw: Any, **options: Any) -> dict[str, Any]:
    plan = save_masks(raw, {"$data_1": str(project)}, str(out), dry_run=True, **options)
    assert_is("plan", plan)
    result = save_masks(raw, {"$data_1": str(project)}, str(out), **options)
    assert_is("result", result)
    assert_is("manifest", json.loads(Path(result["manifest"]).read_text()))
    for line in Path(result["index"]).read_text().splitlines():
        assert_is("index line", json.loads(line))
    return result


@pytest.mark.parametrize("options", [{}, *OPTIONS.values()], ids=["default", *OPTIONS])
def test_every_option(options: dict[str, Any], tmp_path: Path) -> None:
    project = make_full_project(tmp_path / "project", 4)
    assert_all(project, tmp_path / "out", COLORS, **options)
    assert_all(project, tmp_path / "out", COLORS, **options)  # unchanged


def test_bad_items_gates_and_removed_archives(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=5)
    (project / "ds0" / "ann" / "0002.png.json").write_text("{")
    (project / "ds0" / "img" / "0003.jpg").write_bytes((project / "ds0" / "img" / "0003.png").read_bytes())
    options = {"on_bad_item": "skip", "keep": 1, "gates": {"min_items": 1, "max_class_drift": 1.0}}
    for day in ("2026-01-01", "2026-01-02"):
        result = assert_all(project, tmp_path / "out", layer(dst=f"x {day}"), **options)
    assert len(result["removed"]) == 1
    with pytest.raises(BadItemsError):
        save_masks(layer(dst="bad"), {"$data_1": str(project)}, str(tmp_path / "out"))
    for line in (tmp_path / "out" / "bad.bad_items.jsonl").read_text().splitlines():
        assert_is("bad item", json.loads(line))


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    result = assert_all(make_project(tmp_path / "project"), tmp_path / "out", layer())
    with pytest.raises(pydantic.ValidationError):
        documents.Result.model_validate({**result, "new": 1})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMAS["result"]).validate({**result, "new": 1})


IMPOSSIBLE: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("result", ("files",), -1),
    ("result", ("seconds",), -0.1),
    ("result", ("manifest_sha256",), "0" * 63),
    ("result", ("manifest_sha256",), "0" * 65),
    ("plan", ("dry_run",), False),
    ("plan", ("classes", 0, "human"), [1, 2, 3, 4]),
    ("plan", ("classes", 0, "human"), [1, 2]),
    ("manifest", ("format",), 2),
    ("manifest", ("totals", "more"), 1),
    ("index line", ("key",), "0" * 41),
    ("index line", ("instances", 0, "id"), 0),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A document of each kind but a bad item."""
    folder = tmp_path_factory.mktemp("written")
    project = make_project(folder / "project", items=1)
    result = assert_all(project, folder / "out", layer(), instances="ids")
    return {
        "result": result,
        "plan": save_masks(layer(), {"$data_1": str(project)}, str(folder / "other"), dry_run=True),
        "manifest": json.loads(Path(result["manifest"]).read_text()),
        "index line": json.loads(Path(result["index"]).read_text()),
    }


@pytest.mark.parametrize(("name", "place", "value"), IMPOSSIBLE, ids=lambda value: str(value)[:30])
def test_what_is_one_step_beside_what_can_be_is_refused(
    written: dict[str, Any], name: str, place: tuple[str | int, ...], value: Any
) -> None:
    changed = deepcopy(written[name])
    *path, last = place
    inner = changed
    for step in path:
        inner = inner[step]
    inner[last] = value
    with pytest.raises(pydantic.ValidationError):
        documents.DOCUMENTS[name].model_validate(changed)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMAS[name]).validate(changed)
