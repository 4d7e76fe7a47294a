"""The ingest: new pairs are added, changed ones replaced, broken ones named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.project.ingest import ingest_pairs
from tests.engine.samples import CLASSES, annotation, exported, picture, run


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({"classes": CLASSES, "tags": []}))
    for seed, name in enumerate(("a.png", "b.png")):
        (folder / name).write_bytes(picture(seed))
        (folder / f"{name}.json").write_text(json.dumps(annotation(seed)))
    return folder


def test_pairs_become_items_of_a_project_that_can_be_exported(inbox: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert ingest_pairs(str(inbox), str(project), "ds").added == ["a.png", "b.png"]
    assert exported(run(project, tmp_path / "out")) == 2


def test_changed_pairs_are_replaced_and_equal_ones_left_alone(inbox: Path, tmp_path: Path) -> None:
    ingest_pairs(str(inbox), str(tmp_path / "p"), "ds")
    before = (tmp_path / "p/ds/img/a.png").stat().st_mtime_ns
    (inbox / "b.png.json").write_text(json.dumps(annotation(7)))
    report = ingest_pairs(str(inbox), str(tmp_path / "p"), "ds")
    assert (report.added, report.replaced, report.unchanged) == ([], ["b.png"], ["a.png"])
    assert (tmp_path / "p/ds/img/a.png").stat().st_mtime_ns == before
    assert json.loads((tmp_path / "p/ds/ann/b.png.json").read_text()) == annotation(7)


def test_broken_pairs_are_named_and_not_taken(inbox: Path, tmp_path: Path) -> None:
    (inbox / "c.png").write_bytes(picture(3))
    (inbox / "d.png").write_bytes(b"x")
    (inbox / "d.png.json").write_text(json.dumps(annotation(3)))
    (inbox / "e.png").write_bytes(picture(3, width=9))
    (inbox / "e.png.json").write_text(json.dumps(annotation(3)))
    report = ingest_pairs(str(inbox), str(tmp_path / "p"), "ds")
    assert report.added == ["a.png", "b.png"]
    facts = {"c.png": "no annotation", "d.png": "does not decode", "e.png": "9x30"}
    assert list(report.broken) == list(facts)
    assert all(fact in report.broken[name] for name, fact in facts.items())
    assert sorted(path.name for path in (tmp_path / "p/ds/img").iterdir()) == ["a.png", "b.png"]


def test_an_inbox_needs_its_classes(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no meta.json in the inbox"):
        ingest_pairs(str(tmp_path), str(tmp_path / "p"), "ds")


def test_what_is_no_file_or_breaks_a_reader_is_named_and_the_rest_is_taken(inbox: Path, tmp_path: Path) -> None:
    (inbox / "c.png").mkdir()
    os.mkfifo(inbox / "d.png")
    (inbox / "e.png").symlink_to("/nowhere")
    (inbox / "f.png").write_bytes(picture(1))
    broken = [{"classTitle": "box", "tags": [], "points": 7}]
    (inbox / "f.png.json").write_text(json.dumps(annotation(1, objects=broken)))
    report = ingest_pairs(str(inbox), str(tmp_path / "p"), "ds")
    assert report.added == ["a.png", "b.png"]
    assert list(report.broken) == ["c.png", "d.png", "e.png", "f.png"]
    assert "no file" in report.broken["d.png"]


def test_classes_that_the_inbox_lacks_stay_and_a_meta_that_says_the_same_is_not_written_again(
    inbox: Path, tmp_path: Path
) -> None:
    meta, project = inbox / "meta.json", tmp_path / "p"
    ingest_pairs(str(inbox), str(project), "ds")
    before = (project / "meta.json").stat().st_mtime_ns
    ingest_pairs(str(inbox), str(project), "ds")
    assert (project / "meta.json").stat().st_mtime_ns == before
    new = {"title": "stem", "shape": "line", "color": "#123456"}
    meta.write_text(json.dumps({"classes": [*CLASSES[:1], new], "tags": []}))
    (inbox / "a.png.json").write_text(json.dumps(annotation(9)))  # it has a label of the class that is not here
    assert ingest_pairs(str(inbox), str(project), "ds").replaced == ["a.png"]
    titles = [item["title"] for item in json.loads((project / "meta.json").read_text())["classes"]]
    assert titles == ["leaf", "stem", "box"]
    meta.write_text("{")
    with pytest.raises(ProjectError, match=r"inbox/meta\.json: broken JSON"):
        ingest_pairs(str(inbox), str(project), "ds")


@pytest.mark.parametrize(("width", "height"), [(41, 30), (40, 31)])
def test_a_pair_of_two_sizes_is_named(inbox: Path, tmp_path: Path, width: int, height: int) -> None:
    (inbox / "a.png").write_bytes(picture(1, width=width, height=height))
    (told,) = ingest_pairs(str(inbox), str(tmp_path / "p"), "ds").broken.values()
    assert told.startswith(f"the picture is {width}x{height} pixels, its annotation for 40x30")
