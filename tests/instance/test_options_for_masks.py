"""Chosen pictures, shares and shards from an instance, and into its Team Files: what a folder gives, to the byte."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.job import open_job
from airflow_savemasks.engine.opening import open_instance_project, open_sources
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import annotation, layer, make_project, members, run
from tests.engine.test_shards import EVERYTHING, samples
from tests.instance.test_instance import run_from, run_to

TAGS = [
    {"name": "train", "value_type": "none", "color": "#112233", "id": 5},
    {"name": "camera", "value_type": "any_string", "color": "#112233", "id": 6},
]


@pytest.fixture
def project(server, tmp_path: Path) -> Path:
    root = make_project(tmp_path / "project", items=9)
    make_project(root, items=4, dataset="ds1")
    meta = json.loads((root / "meta.json").read_text())
    (root / "meta.json").write_text(json.dumps({**meta, "tags": TAGS}))
    for number in range(9):
        tags: list[dict[str, Any]] = [{"name": "camera", "value": f"c{number % 3}"}]
        if number % 2:
            tags.append({"name": "train", "value": None})
        objects = {} if number < 6 else {"objects": []}
        (root / f"ds0/ann/{number:04d}.png.json").write_text(json.dumps(annotation(number, tags=tags, **objects)))
    server.instance.add_project(root, workspace="ws", name="p")
    return root


@pytest.mark.parametrize(
    ("pick", "pictures"),
    [
        ({"datasets": ["ds1"]}, 4),
        ({"tags": ["train"]}, 4),
        ({"labelled": True, "datasets": ["ds0"]}, 6),
        ({"classes": ["leaf"], "tags": ["train"]}, 3),
    ],
)
def test_what_is_picked_is_what_a_folder_gives_and_no_other_picture_is_asked_for(
    server, api, project: Path, tmp_path: Path, pick: dict[str, Any], pictures: int
) -> None:
    folder = run(project, tmp_path / "a", pick=pick)
    server.traffic.reset()
    result = run_from(api, "supervisely://ws/p", tmp_path / "b", pick=pick)
    ours, theirs = members(result["archive"]), members(folder["archive"])
    assert list(ours) == list(theirs)
    assert all(ours[name] == theirs[name] for name in ours if "/ann/" not in name and name != "meta.json")
    assert result["left_out"] == folder["left_out"] == 13 - pictures
    assert len([name for name in ours if "/img/" in name]) == pictures
    datasets = len({name.partition("/img/")[0] for name in ours if "/img/" in name})
    assert server.traffic.count("images.bulk.download") == datasets  # none where all of a dataset is left out
    assert server.traffic.count("annotations.bulk.info") == datasets  # the listing knows tags, and what has no label


def test_a_project_that_two_layers_read_is_picked_of_by_the_mapping_of_each(
    server, api, project: Path, tmp_path: Path
) -> None:
    """One opened source serves both; the second one's mapping drops the tag that the first one makes of another."""

    def data(dataset: str, dst: str, becomes: str) -> dict[str, Any]:
        settings = {"classes_mapping": "default", "tags_mapping": {"train": becomes, "camera": "__ignore__"}}
        return {"action": "images_project", "src": [f"p/{dataset}"], "dst": dst, "settings": settings}

    graph = [data("ds0", "$a", "wanted"), data("ds1", "$b", "__ignore__"), layer(src=["$a", "$b"])]
    parsed = parse_layer(graph)
    sources = open_sources(parsed, {"p": "supervisely://ws/p"}, None, lambda one: open_instance_project(one, api))
    job = open_job(parsed, sources, Options(pick={"tags": ["wanted"]}))
    result = export(job, open_storage(str(tmp_path / "out")), threading.Event(), Progress())
    pictures = [name for name in members(result["archive"]) if "/img/" in name]
    assert pictures == [f"ds0/img/000{number}.png" for number in (1, 3, 5, 7)]
    assert result["left_out"] == 9


def test_shares_by_a_tag_are_those_of_the_folder(api, project: Path, tmp_path: Path) -> None:
    split = {"shares": {"train": 0.5, "val": 0.5}, "by": "tag:camera", "seed": "1"}
    run(project, tmp_path / "a", split=split)
    run_from(api, "supervisely://ws/p", tmp_path / "b", split=split)
    for name in ("splits/train.txt", "splits/val.txt"):
        assert members(tmp_path / "a/export.tar")[name] == members(tmp_path / "b/export.tar")[name]


def test_shards_go_into_team_files_with_what_lies_beside_them(server, api, project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "a", **EVERYTHING)
    team = server.instance.team.id
    result = run_to(api, team, project, tmp_path / "parts", **EVERYTHING)
    for path in (tmp_path / "a").glob("export.*"):
        if path.name != "export.manifest.json":
            assert server.instance.storage.read(team, f"/masks/{path.name}") == path.read_bytes(), path.name
    again = run_to(api, team, project, tmp_path / "parts", **EVERYTHING)
    assert again["unchanged"] or again["items"]["rendered"] == 0
    assert result["items"]["rendered"] == 13


def test_names_with_any_extension_are_samples_of_their_own(server, api, project: Path, tmp_path: Path) -> None:
    """Of an instance: a picture that is called like the annotation of its sample would be the same member twice."""
    dataset = next(iter(server.instance.datasets))
    names = ["a.json", "a.JSON", "b", "c.human", "d.machine.png", "e.", ".f", "g.PNG", "h.j/son"]
    for name in names:
        server.instance.add_image(dataset, project / "ds0/img/0000.png", annotation(0), name=name)
    result = run_from(api, "supervisely://ws/p", tmp_path / "b", layout="webdataset", instances="ids")
    found = samples(result["archive"])
    assert len(found) == 13 + len(names)
    assert all(len(files) == 5 for files in found.values())
    picture = (project / "ds0/img/0000.png").read_bytes()
    for key, extension in (
        ("a", "img"), ("a_1", "img"), ("b", "img"), ("c", "human"), ("d_machine", "png"), ("e", "img"), ("_f", "img"),
        ("g", "png"), ("h", "j_son"),
    ):  # fmt: skip
        assert found[f"ds0/{key}"][extension] == picture
