"""Datasets and items as listed: bad entries are bad items, in their place in the order, and links are no traps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.naming import name_problem
from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.stored import StorageProject, choose
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.tally import Tally
from tests.engine.samples import add_item, exported, layer, make_project, run


def opened(root: Path) -> StorageProject:
    return StorageProject(open_storage(str(root)))


def test_bad_entries_are_items_with_a_problem_and_are_not_read(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=4)
    (root / "ds0/img/0000a.png").symlink_to("/nowhere")
    (root / "ds0/img/notes").symlink_to("/nowhere")
    (root / "ds0/img/texts").mkdir()
    (root / "ds0/img/0002.png").unlink()
    (root / "ds0/img/0002.png").mkdir()
    (root / "ds0/ann/0003.png.json").unlink()
    os.mkfifo(root / "ds0/ann/0003.png.json")
    remarks = Remarks()
    items = list(opened(root).items("ds0", remarks))
    assert [(item.name, item.problem) for item in items] == [
        ("0000.png", ""),
        ("0000a.png", "no picture but a link to nowhere"),
        ("0001.png", ""),
        ("0002.png", "no picture but a folder"),
        ("0003.png", "its annotation 0003.png.json is no file but a pipe"),
    ]
    names = "'ds0/img/notes (a link to nowhere)', 'ds0/img/texts (a folder)'"
    assert remarks.warnings() == [f"2 entries that are no files, left out: {names}"]
    assert remarks.orphans.count == 0
    found = run(root, tmp_path / "out", on_bad_item="skip")
    assert (exported(found), len(found["skipped"])) == (2, 3)


def test_old_names_of_annotations_are_found_and_never_used_twice(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=2)
    (root / "ds0/ann/0001.png.json").rename(root / "ds0/ann/0001.json")
    assert [item.annotation for item in opened(root).items("ds0", Remarks())] == [
        "ds0/ann/0000.png.json",
        "ds0/ann/0001.json",
    ]
    (root / "ds0/img/0001.jpg").write_bytes(b"x")
    with pytest.raises(ProjectError, match="'0001.jpg' and '0001.png' would both be annotated by it"):
        list(opened(root).items("ds0", Remarks()))


def test_datasets_in_datasets_are_found_up_to_a_depth(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    place = root / "ds0"
    for _ in range(5):
        place = place / "datasets/d"
        (place / "img").mkdir(parents=True)
    project = opened(root)
    assert project.datasets()[-1] == "ds0/d/d/d/d/d"
    project.limits = Limits(nesting=5)
    assert len(project.datasets()) == 6
    project.limits = Limits(nesting=4)
    with pytest.raises(ProjectError, match="datasets inside of each other"):
        project.datasets()


def test_what_stands_in_place_of_a_folder_is_told(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    (root / "ds1").mkdir()
    (root / "ds1/img").write_text("x")
    (root / "ds0/datasets").write_text("x")
    (root / "ds2").symlink_to("/nowhere")
    project = opened(root)
    assert project.datasets() == ["ds0", "ds1"]
    remarks = Remarks()
    list(project.items("ds0", remarks))
    assert remarks.notes == [
        f"{root}/ds2: a link to nowhere; left out, whether it is a dataset or not",
        f"{root}/ds0/datasets: a file, not a folder; left out",
    ]
    with pytest.raises(ProjectError, match="ds1/img: it is a file, not a folder"):
        list(project.items("ds1", remarks))
    assert choose(project, ("ds0",)) == ["ds0"]


def test_names_that_would_leave_their_place_are_told() -> None:
    assert name_problem(["a", "b c", "Ж", "a..b", ".hidden"]) is None
    for part in ("", ".", "..", "a/b", "a\0b"):
        assert name_problem(["fine", part]) == f"{part!r} cannot be the name of a file or folder"
    assert name_problem(["a\ud800"]) == "a name that is no UTF-8"


def test_a_tally_names_the_first_and_counts_the_rest() -> None:
    tally = Tally()
    for number in range(5):
        tally.add(f"x{number}")
    assert str(tally) == "'x0', 'x1', 'x2', 'x3', 'x4'"
    tally.add("x5")
    assert str(tally) == "'x0', 'x1', 'x2', 'x3', 'x4' and 1 more"
    assert Remarks().warnings() == []


def test_folders_and_pictures_that_belong_to_no_dataset_are_told(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=2)
    for place in ("img", "datasets", "sub/deep", "ds0/datasets/img"):
        (root / place / "img").mkdir(parents=True)
        (root / place / "img/a.png").write_bytes(b"x")
    (root / "loose.png").write_bytes(b"x")
    (root / "ds0/extra").mkdir()
    (root / "ds0/beside.png").write_bytes(b"x")
    warnings = run(root, tmp_path / "out")["warnings"]
    assert f"{root}: 4 entries that are no datasets, left out: 'loose.png', 'datasets/', 'img/', 'sub/'" in warnings
    assert any("2 entries that are no part of a dataset, left out: 'beside.png', 'extra'" in line for line in warnings)
    assert any("ds0/datasets: 1 entries that are no datasets, left out: 'img/'" in line for line in warnings)


def test_labels_of_unknown_shapes_are_counted_in_one_warning(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=0)
    meta = json.loads((root / "meta.json").read_text())
    meta["classes"].append({"title": "any", "shape": "any", "color": "#000000"})
    (root / "meta.json").write_text(json.dumps(meta))
    objects = [{"classTitle": "any", "tags": [], "geometryType": kind} for kind in ("ellipse", "polyline", "ellipse")]
    add_item(root, "a.png", 1, objects=objects)
    raw = layer(gt_machine_color={"any": [9, 9, 9]}, masks_human=False)
    for _ in range(2):  # rendered, and reused
        warnings = run(root, tmp_path / "out", raw, unknown_colors="warn")["warnings"]
        assert "3 labels of unknown shapes, kept in their annotations and not drawn: 'ellipse', 'polyline'" in warnings


@pytest.mark.parametrize("tags", [5, True, "x", {"a": 1}])
def test_tags_that_are_no_list_are_refused(tmp_path: Path, tags: object) -> None:
    root = make_project(tmp_path / "p", items=1)
    meta = json.loads((root / "meta.json").read_text())
    (root / "meta.json").write_text(json.dumps({**meta, "tags": tags}))
    with pytest.raises(ProjectError, match='"tags" is .*not a list'):
        run(root, tmp_path / "out")
