"""A layer with its sources: doubts about colors, sources that are missing, and what makes two jobs the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import ProjectError, SettingsError
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.opening import connections_of, locate_sources
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.stored import StorageProject, choose
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import LAYER, job_of, layer, make_project
from tests.engine.settings.test_layer import data


def test_doubts_are_warnings_of_the_job_and_errors_where_colors_are_strict(tmp_path: Path) -> None:
    project = make_project(tmp_path, items=1)
    assert job_of(project, strict_colors=True).warnings == ()
    odd = layer(gt_machine_color={"leaf": [0, 0, 0], "box": [1, 1, 1]})
    assert job_of(project, odd).warnings == ("gt_machine_color: black like the background: 'leaf'",)
    with pytest.raises(SettingsError, match=r"colours \(strict_colors\): gt_machine_color: black like"):
        job_of(project, odd, strict_colors=True)


def digest(root: Path, raw: Any = LAYER, **options: Any) -> str:
    return job_of(root, raw, **options).digest


def test_a_job_is_another_one_where_its_bytes_would_be(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=1)
    same = digest(project)
    assert digest(project, workers=3, on_bad_item="skip", reuse=False) == same
    assert digest(project, layer(dst="another")) == same
    changed = [
        digest(project, layer(masks_human=False)),
        digest(project, layer(masks_machine=False)),
        digest(project, layer(gt_machine_color={"leaf": [1, 1, 1]})),
        digest(project, layer(gt_human_color={"leaf": [1, 1, 1]})),
        digest(project, machine_png="rgb"),
        digest(make_project(tmp_path / "q", items=1)),
    ]
    meta = json.loads((project / "meta.json").read_text())
    (project / "meta.json").write_text(json.dumps({**meta, "tags": ["t"]}))
    assert len({same, *changed, digest(project)}) == 2 + len(changed)


def opened(raw: Any, **sources: Path) -> Job:
    given = {f"${name}": StorageProject(open_storage(str(path))) for name, path in sources.items()}
    return open_job(parse_layer(raw), given, Options(limits={"labels": 7}))


def test_a_source_that_nobody_gave_is_named(tmp_path: Path) -> None:
    project = make_project(tmp_path, items=1)
    with pytest.raises(SettingsError, match=r"sources: nothing for '\$data_1'; given are \['\$x'\]. Say where"):
        opened(LAYER, x=project)
    with pytest.raises(SettingsError, match=r"nothing for '\$data_1' \(project 'Fruits'\); given are \[\]"):
        opened([data(), LAYER])
    job = open_job(parse_layer([data(), LAYER]), {"Fruits": StorageProject(open_storage(str(project)))}, Options())
    assert job.inputs[0].datasets() == ["ds0"]
    assert opened(LAYER, data_1=project).inputs[0].source.limits.labels == 7


def test_sources_are_located_by_their_names_their_projects_or_the_root() -> None:
    parsed = parse_layer([data(["A"], "$a"), data(["B"], "$b"), layer(src=["$a", "$b"])])
    assert locate_sources(parsed, {"$a": "here", "B": "there"}, None) == {"$a": "here", "B": "there"}
    assert locate_sources(parsed, {"$a": "here"}, "s3://all/") == {"$a": "here", "B": "s3://all/B"}
    with pytest.raises(SettingsError, match=r"\['C'\] is no source of the layer. The layer reads \['\$a', '\$b', 'A'"):
        locate_sources(parsed, {"C": "x"}, "all")
    with pytest.raises(SettingsError, match=r"nothing says where project 'B' \(\$b\) lies. Give the root"):
        locate_sources(parsed, {"A": "x"}, None)
    with pytest.raises(SettingsError, match=r"nothing says where '\$data_1' lies. Give its URI or path for '\$data_1'"):
        locate_sources(parse_layer(LAYER), {}, "all")
    assert (connections_of("/a"), connections_of("file:///a"), connections_of("s3://a/b")) == (0, 0, 32)


def test_items_come_by_folder_then_source_then_name_and_names_are_given_once(tmp_path: Path) -> None:
    one, two = make_project(tmp_path / "one", items=2), make_project(tmp_path / "two", items=1)
    make_project(one, items=1, dataset="a")
    make_project(two, items=1, dataset="ds0/datasets/deep")
    job = opened(layer(src=["$one", "$two"]), one=one, two=two)
    assert [(item.input, item.folder, item.name) for item in list_items(job, Remarks())] == [
        (0, "a", "0000.png"),
        (0, "ds0", "0000.png"),
        (0, "ds0", "0001.png"),
        (1, "ds0", "0000_1.png"),
        (1, "ds0/datasets/deep", "0000.png"),
    ]


def test_a_project_without_a_picture_or_with_a_meta_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no picture in the chosen datasets"):
        list(list_items(job_of(make_project(tmp_path / "p", items=0)), Remarks()))
    deep = make_project(tmp_path / "q", items=1)
    meta = json.loads((deep / "meta.json").read_text())
    text = json.dumps({**meta, "other": 0})
    (deep / "meta.json").write_text(text.replace('"other": 0', f'"other": {"[" * 500}{"]" * 500}'))
    with pytest.raises(ProjectError, match="it cannot be written again .*Flatten it"):
        job_of(deep)


def test_datasets_are_chosen_by_their_path_or_their_last_part(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    for place in ("a", "a/datasets/x", "b/datasets/x", "b/datasets/y", "ds0/datasets/a"):
        (root / place / "img").mkdir(parents=True)
    source = StorageProject(open_storage(str(root)))
    assert choose(source, None) == ["a", "a/x", "b/x", "b/y", "ds0", "ds0/a"]
    assert choose(source, ("y", "ds0", "b/y", "a")) == ["b/y", "ds0", "a"]
    assert choose(source, ()) == []
    with pytest.raises(ProjectError, match=r"'x' may be any of \['a/x', 'b/x'\]. Choose of \['a', "):
        choose(source, ("x",))
    for name in ("none", "c/x", "a/y"):
        with pytest.raises(ProjectError, match=f"no dataset '{name}'"):
            choose(source, (name,))
