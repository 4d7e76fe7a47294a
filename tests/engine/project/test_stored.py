"""Projects that are odd: links that go round, a meta.json that is none, annotations that belong to no picture."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.stored import StorageProject
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.project.test_dataset import opened
from tests.engine.samples import make_project


def notes(root: Path) -> list[str]:
    remarks = Remarks()
    project = opened(root)
    for dataset in project.datasets():
        list(project.items(dataset, remarks))
    return remarks.notes


@pytest.mark.parametrize(
    ("place", "goal"),
    [
        ("loop", "."),
        ("ds0/datasets", "."),
        ("ds0/datasets", "ds0"),
        ("ds0/datasets/loop", "."),
        ("ds0/datasets/loop", "ds0"),
        ("ds0/datasets/sub/datasets", "."),
        ("ds0/datasets/sub/datasets", "ds0"),
        ("ds0/datasets/sub/datasets", "ds0/datasets/sub"),
    ],
)
def test_a_link_back_to_a_folder_that_it_lies_in_is_left_out(tmp_path: Path, place: str, goal: str) -> None:
    root = make_project(tmp_path / "p", items=1)
    datasets = ["ds0"]
    if "sub" in place:
        (root / "ds0/datasets/sub/img").mkdir(parents=True)
        datasets.append("ds0/sub")
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).symlink_to(root / goal)
    assert opened(root).datasets() == datasets
    assert notes(root) == [f"{root}/{place}: a link back to a folder that it lies in; left out"]


def test_a_second_name_of_a_dataset_beside_it_is_a_dataset(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    (root / "other").symlink_to(root / "ds0")
    assert opened(root).datasets() == ["ds0", "other"]
    assert notes(root) == []


def test_what_is_no_project_is_told_with_where_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no meta.json there, so it is no project. Nothing is there at all: correct"):
        opened(tmp_path / "none").meta()
    make_project(tmp_path / "b/p", items=0)
    (tmp_path / "b/a").mkdir()
    with pytest.raises(ProjectError, match=f"There is one in 'p': did you mean {tmp_path}/b/p\\?"):
        opened(tmp_path / "b").meta()
    with pytest.raises(ProjectError, match="Name the folder that has meta.json and the datasets in it"):
        opened(tmp_path).meta()
    (tmp_path / "c").mkdir()
    (tmp_path / "c/file").write_text("x")
    with pytest.raises(ProjectError, match="Name the folder that has meta.json"):
        opened(tmp_path / "c").meta()


def test_a_meta_is_as_large_as_its_limit_and_no_larger(tmp_path: Path) -> None:
    project = opened(make_project(tmp_path, items=0))
    size = (tmp_path / "meta.json").stat().st_size
    project.limits = Limits(meta_bytes=size)
    assert project.meta()["tags"] == []
    project.limits = Limits(meta_bytes=size - 1)
    with pytest.raises(ProjectError, match=r"meta\.json: too large: .* bytes of meta\.json"):
        project.meta()
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(ProjectError, match=r"meta\.json: broken JSON"):
        project.meta()


def test_a_project_may_lie_below_the_root_of_its_storage(tmp_path: Path) -> None:
    make_project(tmp_path / "a/p", items=2)
    (tmp_path / "a/p/ds0/ann/0001.png.json").unlink()
    project = StorageProject(open_storage(str(tmp_path)), "a/p")
    assert project.uri == f"{tmp_path}/a/p"
    remarks = Remarks()
    first, second = project.items("ds0", remarks)
    assert (first.picture, first.annotation) == ("a/p/ds0/img/0000.png", "a/p/ds0/ann/0000.png.json")
    assert (second.annotation, second.annotation_identity, second.annotation_size) == (None, "", 0)
    assert remarks.warnings() == ["1 pictures without an annotation, exported without labels: 'ds0/0001.png'"]
    loaded, bare = project.load([first, second])
    assert loaded.picture == (tmp_path / "a/p/ds0/img/0000.png").read_bytes()
    assert loaded.annotation == (tmp_path / "a/p/ds0/ann/0000.png.json").read_bytes()
    assert bare.annotation is None
    (tmp_path / "a/p/ds0/ann/0000.png.json").write_text("{}")
    (tmp_path / "a/p/ds0/img/0001.png").unlink()
    changed, gone = project.load([first, second])
    assert "0000.png.json: was changed after it was listed" in str(changed.error)
    assert "0001.png: was listed and is gone" in str(gone.error)


def test_annotations_of_pictures_that_are_not_there_are_counted(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    for name in ("zz.png.json", "old.json", "notes.txt", "0000.json"):
        (root / "ds0/ann" / name).write_text("{}")
    (root / "ds0/ann/folder.json").mkdir()
    remarks = Remarks()
    list(opened(root).items("ds0", remarks))
    assert remarks.orphans.first == [
        f"ds0/ann/{name}" for name in ("0000.json", "folder.json", "old.json", "zz.png.json")
    ]
    assert remarks.warnings() == [f"4 annotations without a picture, left out: {remarks.orphans}"]


def test_an_annotation_whose_name_is_no_text_is_a_bad_item_of_its_own(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    try:
        Path(os.fsdecode(os.fsencode(root / "ds0/ann") + b"/caf\xe9.png.json")).write_text("{}")
        Path(os.fsdecode(os.fsencode(root / "ds0/ann") + b"/caf\xe9.txt")).write_text("{}")
    except OSError:
        pytest.skip("this file system takes no such name")
    remarks = Remarks()
    items = list(opened(root).items("ds0", remarks))
    assert [(item.name, item.problem) for item in items] == [
        ("0000.png", ""),
        ("caf\\xe9.png.json", "an annotation that is a file whose name is no UTF-8"),
    ]
    assert remarks.orphans.count == 0
