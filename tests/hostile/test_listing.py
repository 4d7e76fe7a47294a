"""A listing is exact: whatever lies in a project is an item, a bad item, or named in a warning."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.engine.samples import annotation, exported, layer, make_project, members, picture
from tests.hostile.harness import refused, run_export


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=8)


def test_a_link_to_nowhere_is_one_bad_item_and_the_listing_goes_on(project: Path, tmp_path: Path) -> None:
    (project / "ds0/img/0000a.png").symlink_to("/nowhere/x.png")
    found = run_export(project, tmp_path / "out")
    refused(found, "is bad, first", "ds0/0000a.png", "a link to nowhere")
    found = run_export(project, tmp_path / "out", layer(), "--on-bad-item", "skip")
    assert found.result
    assert exported(found.result) == 8
    assert [entry["item"] for entry in found.result["skipped"]] == ["ds0/0000a.png"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device", "zeros"])
@pytest.mark.parametrize("place", ["img/0003.png", "ann/0003.png.json"])
def test_what_stands_in_a_files_place_and_is_none_is_a_bad_item_and_never_opened(
    project: Path, tmp_path: Path, kind: str, place: str
) -> None:
    path = project / "ds0" / place
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)
    else:
        path.symlink_to("/dev/zero" if kind == "zeros" else "/dev/null")
    words = {"folder": "a folder", "pipe": "a pipe", "socket": "a socket"}.get(kind, "a device")
    for raw in (layer(), layer(masks_human=False)):
        refused(run_export(project, tmp_path / "out", raw), "is bad, first", "ds0/0003.png", words)
        assert not list((tmp_path / "out").glob("*.tar"))


def test_a_name_that_is_no_utf_8_is_a_bad_item_named_readably(project: Path, tmp_path: Path) -> None:
    raw = os.fsencode(project / "ds0/img") + b"/caf\xe9.png"
    with open(raw, "wb") as file:
        file.write(picture(1))
    refused(run_export(project, tmp_path / "out"), "caf\\xe9.png", "no UTF-8")
    os.unlink(raw)
    with open(os.fsencode(project / "ds0/ann") + b"/caf\xe9.png.json", "wb") as file:
        file.write(json.dumps(annotation(1)).encode())
    refused(run_export(project, tmp_path / "out"), "caf\\xe9.png.json", "no UTF-8")


def test_a_file_in_place_of_the_annotations_does_not_mean_no_labels(project: Path, tmp_path: Path) -> None:
    for path in (project / "ds0/ann").iterdir():
        path.unlink()
    (project / "ds0/ann").rmdir()
    (project / "ds0/ann").write_text("x")
    refused(run_export(project, tmp_path / "out"), "ds0/ann", "a file, not a folder")
    (project / "ds0/ann").unlink()
    (project / "ds0/ann").symlink_to("/nowhere")
    refused(run_export(project, tmp_path / "out"), "ds0/ann", "a link to nowhere")


def test_links_to_files_and_folders_are_followed(project: Path, tmp_path: Path) -> None:
    shared = tmp_path / "share"
    shared.mkdir()
    (project / "ds0/img/0002.png").rename(shared / "two.png")
    (project / "ds0/img/0002.png").symlink_to(shared / "two.png")
    (project / "ds0/ann").rename(shared / "ann")
    (project / "ds0/ann").symlink_to(shared / "ann")
    found = run_export(project, tmp_path / "out")
    assert found.result
    assert exported(found.result) == 8
    assert found.result["unannotated"] == 0


def test_a_dataset_that_is_a_link_to_nowhere_is_warned_of(project: Path, tmp_path: Path) -> None:
    (project / "ds1").symlink_to("/nowhere/ds1")
    found = run_export(project, tmp_path / "out")
    assert found.result
    assert any("ds1: a link to nowhere" in line for line in found.result["warnings"])


def test_datasets_that_link_back_to_themselves_are_exported_once(project: Path, tmp_path: Path) -> None:
    (project / "ds0/datasets").mkdir()
    (project / "ds0/datasets/loop").symlink_to(project / "ds0")
    found = run_export(project, tmp_path / "out")
    assert found.result
    assert exported(found.result) == 8
    assert any("a link back to a folder that it lies in" in line for line in found.result["warnings"])


def test_datasets_nested_too_deep_are_refused_by_name(project: Path, tmp_path: Path) -> None:
    nest = "for _ in $(seq 2000); do mkdir -p datasets/d/img && cd datasets/d; done"
    subprocess.run(["bash", "-c", nest], cwd=project / "ds0", check=True)
    try:
        refused(run_export(project, tmp_path / "out"), "datasets inside of each other", "at most 64")
    finally:
        subprocess.run(["rm", "-rf", project / "ds0/datasets"], check=True)  # too deep for pytest to clean up


def test_pictures_without_an_annotation_and_the_other_way_round_are_counted(project: Path, tmp_path: Path) -> None:
    for name in ("0001", "0004"):
        (project / f"ds0/ann/{name}.png.json").unlink()
    (project / "ds0/ann/lost.png.json").write_text("{}")
    found = run_export(project, tmp_path / "out")
    assert found.result
    assert (found.result["unannotated"], found.result["orphans"]) == (2, 1)
    manifest = json.loads(Path(found.result["manifest"]).read_text())
    assert (manifest["unannotated"], manifest["orphans"]) == (2, 1)
    (line,) = [line for line in found.result["warnings"] if "without an annotation" in line]
    assert line.startswith("2 pictures")
    assert "'ds0/0001.png', 'ds0/0004.png'" in line
    assert len(members(found.result["archive"])) == 1 + 4 * 8


def test_two_old_annotation_names_that_clash_are_named(project: Path, tmp_path: Path) -> None:
    (project / "ds0/img/0001.jpg").write_bytes(picture(1))
    (project / "ds0/ann/0001.png.json").rename(project / "ds0/ann/0001.json")
    refused(run_export(project, tmp_path / "out"), "0001.json", "would both be annotated by it")
