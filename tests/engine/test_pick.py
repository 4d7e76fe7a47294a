"""Which pictures are exported. Rules: more-masks, section 10."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import BadItemsError, ProjectError, SettingsError
from airflow_savemasks.engine.export import render_batch
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.work import ways
from tests.engine.samples import annotation, job_of, layer, members, picture, plan_of, run

META = {
    "classes": [
        {"title": "kiwi", "shape": "rectangle", "color": "#00FF00"},
        {"title": "lemon", "shape": "rectangle", "color": "#FFFF00"},
        {"title": "stone", "shape": "rectangle", "color": "#777777"},
    ],
    "tags": [{"name": name, "value_type": "none", "color": "#000000"} for name in ("train", "bad")],
}
# dataset, picture -> its tags and the classes of its labels (a star: outside of the picture); None: no annotation
PICTURES: dict[tuple[str, str], tuple[list[str], list[str]] | None] = {
    ("a", "1"): (["train"], ["kiwi"]),
    ("a", "2"): (["train"], ["stone"]),
    ("a/b", "1"): (["bad"], ["lemon"]),
    ("a/b", "2"): ([], ["kiwi*"]),
    ("ab", "1"): (["train", "bad"], ["lemon", "kiwi"]),
    ("ab", "2"): None,
}
COLORS = {"kiwi": [1, 1, 1], "lemon": [2, 2, 2]}
MAPPING = {"kiwi": "__default__", "lemon": "__default__", "stone": "__ignore__"}
GRAPH = [
    {
        "action": "images_project",
        "src": ["p/*"],
        "dst": "$data_1",
        "settings": {"classes_mapping": MAPPING, "tags_mapping": "default"},
    },
    layer(gt_machine_color=COLORS, gt_human_color=COLORS),
]


def put(root: Path, dataset: str, name: str, found: tuple[list[str], list[str]] | None, seed: int = 0) -> None:
    folder = root / dataset.replace("/", "/datasets/")
    for kind in ("img", "ann"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / "img" / f"{name}.png").write_bytes(picture(seed))
    if found is None:
        return
    tags, classes = found
    objects = [
        {
            "classTitle": one.removesuffix("*"),
            "tags": [],
            "points": {"exterior": [[50, 40], [60, 50]] if one.endswith("*") else [[2, 2], [9, 9]], "interior": []},
        }
        for one in classes
    ]
    text = json.dumps(annotation(seed, tags=[{"name": tag, "value": None} for tag in tags], objects=objects))
    (folder / "ann" / f"{name}.png.json").write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    root.mkdir()
    (root / "meta.json").write_text(json.dumps(META))
    for seed, ((dataset, name), found) in enumerate(PICTURES.items()):
        put(root, dataset, name, found, seed)
    return root


def names(archive: str | Path) -> list[str]:
    """`a/b/1` of each picture in an archive."""
    pictures = [name for name in members(archive) if "/img/" in name]
    return [name.replace("/datasets/", "/").replace("/img/", "/").removesuffix(".png") for name in pictures]


@pytest.mark.parametrize(
    ("pick", "wanted", "left_out"),
    [
        ({"datasets": ["a"]}, "a/1 a/2 a/b/1 a/b/2", 2),
        ({"datasets": ["a/b"]}, "a/b/1 a/b/2", 4),
        ({"tags": ["train"]}, "a/1 a/2 ab/1", 3),
        ({"tags": ["train", "bad"]}, "a/1 a/2 a/b/1 ab/1", 2),
        ({"classes": ["kiwi"]}, "a/1 ab/1", 4),
        ({"classes": ["kiwi", "lemon"], "tags": ["bad"]}, "a/b/1 ab/1", 4),
        ({"labelled": True}, "a/1 a/b/1 ab/1", 3),
        ({"labelled": True, "datasets": ["a"]}, "a/1 a/b/1", 4),
    ],
)
def test_the_vector_of_the_specification(
    project: Path, tmp_path: Path, pick: dict[str, Any], wanted: str, left_out: int
) -> None:
    whole = members(run(project, tmp_path / "whole", GRAPH)["archive"])
    result = run(project, tmp_path / "out", GRAPH, pick=pick)
    assert names(result["archive"]) == wanted.split()
    assert result["left_out"] == left_out
    assert result["items"]["rendered"] == len(wanted.split())
    manifest = json.loads((tmp_path / "out/export.manifest.json").read_text())
    assert manifest["totals"]["left_out"] == left_out
    assert members(result["archive"]).items() <= whole.items()  # the other members are to the byte the same
    assert result["unannotated"] == 0


@pytest.mark.parametrize(
    ("pick", "says"),
    [
        ({"classes": ["stone"]}, "pick.classes: no classes 'stone'; there are ['kiwi', 'lemon']"),
        ({"datasets": ["b"]}, "pick.datasets: no datasets 'b'; there are ['a', 'a/b', 'ab']"),
        (
            {"datasets": ["x", "a"], "tags": ["y", "z"], "classes": ["kiwi", "w"]},
            "pick.datasets, pick.tags, pick.classes: no datasets 'x'; there are ['a', 'a/b', 'ab']; no tags 'y', 'z'",
        ),
    ],
)
def test_names_that_do_not_exist_are_refused_all_at_once(
    project: Path, tmp_path: Path, pick: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        run(project, tmp_path / "out", GRAPH, pick=pick)
    assert str(refused.value).startswith(says)
    assert not (tmp_path / "out/export.tar").exists()


@pytest.mark.parametrize("nothing", [{}, {"labelled": False}, None])
def test_what_asks_for_nothing_is_as_if_it_was_not_there(project: Path, tmp_path: Path, nothing: Any) -> None:
    result = run(project, tmp_path / "out", GRAPH, pick=nothing)
    assert "left_out" not in result
    assert len(names(result["archive"])) == len(PICTURES)
    assert run(project, tmp_path / "out", GRAPH)["unchanged"]


def test_where_nothing_is_left_the_export_fails_and_says_so(project: Path, tmp_path: Path) -> None:
    for pick in (
        {"classes": ["lemon"], "datasets": ["a"], "tags": ["train"]},
        {"datasets": ["a/b"], "tags": ["train"]},
    ):
        with pytest.raises(ProjectError, match=r"pick leaves out all 6 pictures"):
            run(project, tmp_path / "out", GRAPH, pick=pick)
    (project / "empty/img").mkdir(parents=True)
    with pytest.raises(ProjectError, match=r"pick leaves out all 6 pictures"):
        run(project, tmp_path / "out", GRAPH, pick={"datasets": ["empty"]})


def test_names_are_given_before_pictures_are_left_out(project: Path, tmp_path: Path) -> None:
    (project / "a/img/1.jpg").write_bytes((project / "a/img/1.png").read_bytes())  # before 1.png, without a label
    result = run(project, tmp_path / "out", GRAPH, pick={"classes": ["kiwi"]})
    assert names(result["archive"]) == ["a/1_1", "ab/1"]


def test_a_picture_that_is_left_out_is_no_bad_item_and_an_annotation_that_cannot_be_read_is_one(
    project: Path, tmp_path: Path
) -> None:
    (project / "a/img/2.png").write_bytes(b"no picture")
    result = run(project, tmp_path / "out", GRAPH, pick={"classes": ["kiwi"]}, limits={"picture_bytes": 10_000})
    assert names(result["archive"]) == ["a/1", "ab/1"]
    (project / "a/img/2.png").write_bytes(picture(9, 200, 200))  # larger than is taken, and than its annotation says
    run(project, tmp_path / "out", GRAPH, pick={"classes": ["kiwi"]}, limits={"picture_bytes": 10_000})
    (project / "a/ann/2.png.json").write_text("{")
    (project / "ab/img/1.png").write_bytes(picture(9, 200, 200))
    with pytest.raises(BadItemsError) as bad:
        run(project, tmp_path / "out", GRAPH, pick={"classes": ["kiwi"]}, limits={"picture_bytes": 10_000})
    said = str(bad.value)
    assert "2 of " in said
    assert "items are bad, first: " in said
    assert "broken JSON" in said
    assert "too large" in said
    (project / "ab/img/1.png").write_bytes(picture(9, 41, 30))
    with pytest.raises(BadItemsError, match="the picture is 41x30 pixels"):
        run(project, tmp_path / "out", GRAPH, pick={"classes": ["lemon"]})


def test_a_dataset_that_is_left_out_is_not_read_at_all(project: Path, tmp_path: Path) -> None:
    (project / "ab/ann/1.png.json").write_text("{")
    (project / "ab/img/folder.png").mkdir()
    result = run(project, tmp_path / "out", GRAPH, pick={"datasets": ["a"], "labelled": True})
    assert names(result["archive"]) == ["a/1", "a/b/1"]
    assert result["left_out"] == 5
    assert not [line for line in result["warnings"] if "ab/" in line]


def test_a_run_after_a_change_renders_what_changed_and_the_archive_is_that_of_a_new_one(
    project: Path, tmp_path: Path
) -> None:
    pick = {"classes": ["kiwi"]}
    run(project, tmp_path / "out", GRAPH, pick=pick)
    assert run(project, tmp_path / "out", GRAPH, pick=pick)["unchanged"]
    assert run(project, tmp_path / "out", GRAPH, pick=pick)["left_out"] == 4
    put(project, "a", "2", (["bad"], ["kiwi"]), 7)
    put(project, "ab", "1", (["bad"], ["lemon"]), 8)
    result = run(project, tmp_path / "out", GRAPH, pick=pick)
    assert result["items"] == {"rendered": 1, "reused": 1, "skipped": 0}
    assert names(result["archive"]) == ["a/1", "a/2"]
    run(project, tmp_path / "new", GRAPH, pick=pick)
    for file in ("export.tar", "export.index.jsonl"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "new" / file).read_bytes()
    assert run(project, tmp_path / "out", GRAPH)["items"]["reused"] == 0  # other options: rendered anew


def test_a_retry_reads_no_annotation_again_that_decided(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick = {"classes": ["kiwi"]}
    (project / "ab/img/1.png").write_bytes(b"no picture")
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out", GRAPH, pick=pick)
    read: list[str] = []
    monkeypatch.setattr(FolderStorage, "read", _noting(FolderStorage.read, read))
    put(project, "ab", "1", (["train"], ["kiwi"]), 3)
    result = run(project, tmp_path / "out", GRAPH, pick=pick)
    assert result["items"] == {"rendered": 1, "reused": 1, "skipped": 0}
    assert [path for path in read if "/ann/" in path or "/img/" in path] == ["ab/ann/1.png.json", "ab/img/1.png"]


def _noting(read: Any, seen: list[str]) -> Any:
    def noted(self: FolderStorage, path: str, *more: Any) -> Any:
        seen.append(path)
        return read(self, path, *more)

    return noted


def test_batches_of_a_group_make_the_same_archive(project: Path, tmp_path: Path) -> None:
    pick = {"tags": ["train"]}
    expected = run(project, tmp_path / "alone", GRAPH, pick=pick)
    storage = FolderStorage(tmp_path / "group")
    job = job_of(project, GRAPH, pick=pick)
    files = plan_of(job, storage)
    stop = threading.Event()
    batches = make_batches(files, 3)
    rendered = sum(render_batch(job, storage, files, batch, stop, Progress()).rendered for batch in batches)
    again = render_batch(job, storage, files, batches[0], stop, Progress())
    assert again.rendered == 0
    result = assemble(job, storage, files, Rendered(rendered))
    assert result["left_out"] == expected["left_out"] == 3
    assert (tmp_path / "group/export.tar").read_bytes() == (tmp_path / "alone/export.tar").read_bytes()
    assert result["items"]["rendered"] == 3


def test_worker_processes_leave_out_the_same(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(project, tmp_path / "threads", GRAPH, pick={"labelled": True})
    started: list[int] = []
    monkeypatch.setattr(ways, "processes_for", lambda *_: started.append(2) or 2)
    result = run(project, tmp_path / "processes", GRAPH, pick={"labelled": True}, workers=2)
    assert started
    assert result["left_out"] == expected["left_out"]
    assert (tmp_path / "processes/export.tar").read_bytes() == (tmp_path / "threads/export.tar").read_bytes()


def test_two_sources_of_one_dataset_are_picked_from_as_one(project: Path, tmp_path: Path) -> None:
    from airflow_savemasks import save_masks

    second = tmp_path / "q"
    second.mkdir()
    (second / "meta.json").write_text(json.dumps(META))
    put(second, "a", "1", (["train"], ["lemon"]), 4)
    raw = {**layer(gt_machine_color=COLORS, gt_human_color=COLORS), "src": ["$data_1", "$data_2"]}
    parse_layer(raw)
    sources = {"$data_1": str(project), "$data_2": str(second)}
    result = save_masks(raw, sources, str(tmp_path / "out"), pick={"classes": ["lemon"], "datasets": ["a"]})
    assert names(result["archive"]) == ["a/1_1", "a/b/1"]
