"""More masks end to end: what an option changes in an archive, what it leaves alone, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, SettingsError
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import layer, make_project, members, run

MAPS = ["obj_class_to_machine_color.json", "obj_class_to_semantic_color.json", "labelmap.txt", "classes.csv"]
CHANGES: list[dict[str, Any]] = [
    {"machine_png": "palette"},
    {"machine_png": "gray16"},
    {"overlap": "area"},
    {"line_width": 3},
    {"human": {"alpha": 0.3}},
    {"human": {"format": "jpeg"}},
    {"human": {"format": "jpeg", "quality": 10}},
    {"instances": "ids"},
    {"instances": "files"},
    {"semantic": True},
    {"class_maps": True},
    {"class_maps": True, "semantic": True},
]


def told(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "export.manifest.json").read_text()))


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "export.index.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("options", CHANGES, ids=str)
def test_an_archive_is_made_anew_where_an_option_changed_and_only_there(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    root, out = make_project(tmp_path / "p", items=2), tmp_path / "out"
    assert run(root, out)["unchanged"] is False
    plain = (out / "export.tar").read_bytes()
    result = run(root, out, **options)
    assert (result["unchanged"], result["items"]["rendered"]) == (False, 2)
    assert told(out)["settings"]["options"] == options
    assert run(root, out, **options)["unchanged"] is True
    verify(FolderStorage(out), "export")
    run(root, out)
    assert (out / "export.tar").read_bytes() == plain
    assert "options" not in told(out)["settings"]


@pytest.mark.parametrize(
    ("options", "leaf", "is_said"),
    [
        ({}, [7, 7, 7], "gray"),
        ({}, [7, 8, 9], "rgb"),
        ({"machine_png": "rgb"}, [7, 7, 7], "rgb"),
        ({"machine_png": "palette"}, [7, 7, 7], "palette"),
        ({"machine_png": "gray16"}, [7, 7, 7], "gray16"),
    ],
)
def test_the_manifest_says_what_machine_masks_are_and_not_that_nobody_chose(
    tmp_path: Path, options: dict[str, Any], leaf: list[int], is_said: str
) -> None:
    raw = layer(gt_machine_color={"leaf": leaf, "box": [9, 9, 9]})
    run(make_project(tmp_path / "p", items=1), tmp_path / "out", raw, **options)
    assert told(tmp_path / "out")["settings"]["machine_png"] == is_said


@pytest.mark.parametrize(
    "given", [{}, {"masks_human": False, "gt_machine_color": {"leaf": [5, 6, 7], "box": [1, 1, 1]}}]
)
def test_the_manifest_says_which_masks_were_asked_for_and_with_which_colors(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    root, out, raw = make_project(tmp_path / "p", items=1), tmp_path / "out", layer(**given)
    run(root, out, raw)
    settings = told(out)["settings"]
    assert {name: settings[name] for name in raw["settings"]} == raw["settings"]
    assert settings["sources"] == [str(root)]


def test_the_manifest_lists_files_beside_meta_json_where_there_are_any(tmp_path: Path) -> None:
    root, out = make_project(tmp_path / "p", items=1), tmp_path / "out"
    run(root, out)
    assert set(told(out)["head"]) == {"size", "sha256"}
    assert {"tail", "root_files", "splits"}.isdisjoint(told(out))
    result = run(root, out, class_maps=True)
    assert [one["file"] for one in told(out)["head"]["files"]] == [*members(result["archive"])][:4]


def test_what_is_at_its_default_changes_nothing(tmp_path: Path) -> None:
    root, out = make_project(tmp_path / "p", items=2), tmp_path / "out"
    run(root, out)
    defaults = {"human": {"alpha": 0.5, "quality": 90}, "machine_png": "auto", "instances": None, "line_width": 1}
    assert run(root, out, **defaults)["unchanged"] is True
    assert run(root, out, human={"quality": 3})["unchanged"] is True, "which has no effect on a PNG"


def test_members_follow_each_other_by_the_names_of_their_folders(tmp_path: Path) -> None:
    root, out = make_project(tmp_path / "p", items=1), tmp_path / "out"
    run(root, out, instances="files", semantic=True, human={"format": "jpeg"})
    assert list(members(out / "export.tar")) == [
        "meta.json",
        "ds0/ann/0000.png.json",
        "ds0/img/0000.png",
        "ds0/masks_human/0000.jpg",
        "ds0/masks_instances/0000/box.png",
        "ds0/masks_instances/0000/leaf.png",
        "ds0/masks_machine/0000.png",
        "ds0/masks_semantic_rgb/0000.png",
    ]
    kinds = [member["kind"] for member in lines(out)[0]["members"]]
    assert kinds[2:] == ["masks_human", *["masks_instances"] * 2, "masks_machine", "masks_semantic_rgb"]
    assert "instances" not in lines(out)[0]


def test_other_members_are_the_same_where_masks_are_added(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=2)
    run(root, tmp_path / "plain")
    run(root, tmp_path / "more", instances="ids", semantic=True, class_maps=True)
    plain, more = members(tmp_path / "plain" / "export.tar"), members(tmp_path / "more" / "export.tar")
    assert {name: more[name] for name in plain} == plain
    added = [line["instances"] for line in lines(tmp_path / "more")]
    assert [[one["class"] for one in line] for line in added] == [["box", "leaf"]] * 2
    for one, line in zip(lines(tmp_path / "plain"), lines(tmp_path / "more"), strict=True):
        assert (one["pixels"], one["labels"]) == (line["pixels"], line["labels"])


def test_each_volume_begins_with_all_class_maps_which_are_verified(tmp_path: Path) -> None:
    root, out = make_project(tmp_path / "p", items=4), tmp_path / "out"
    result = run(root, out, class_maps=True, semantic=True, volume_size=20_000)
    volumes = sorted(out.glob("*.tar"))
    assert len(volumes) > 1
    for volume in volumes:
        assert list(members(volume))[:5] == ["meta.json", *MAPS]
    assert result["files"] == sum(len(members(volume)) for volume in volumes)
    storage = FolderStorage(out)
    verify(storage, "export")
    for name in ("meta.json", *MAPS):
        content = volumes[1].read_bytes()
        broken = bytearray(content)
        broken[content.index(members(volumes[1])[name]) + 3] ^= 1
        volumes[1].write_bytes(broken)
        with pytest.raises(ArchiveError, match=rf"1 differences:\n  export-00002.tar: {name} differs"):
            verify(storage, "export")
        volumes[1].write_bytes(content)


def test_a_dataset_may_not_be_called_like_a_class_map(tmp_path: Path) -> None:
    root, out = make_project(tmp_path / "p", items=1), tmp_path / "out"
    make_project(root, items=1, dataset="labelmap.txt")
    make_project(root, items=1, dataset="classes.csv/datasets/deep")
    with pytest.raises(SettingsError, match="'classes.csv', 'labelmap.txt'"):
        run(root, out, class_maps=True)
    assert not list(out.glob("export*"))
    run(root, out)


def test_a_picture_whose_jpeg_would_be_too_large_is_a_bad_item(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    root, out = make_project(tmp_path / "p", items=1), tmp_path / "out"
    long = cv2.imencode(".png", np.zeros((1, 40_000, 3), np.uint8))[1].tobytes()
    (root / "ds0/img/long.png").write_bytes(long)
    result = run(root, out, on_bad_item="skip", human={"format": "jpeg"})
    (skipped,) = result["skipped"]
    assert "long.png" in skipped["item"]
    assert "80001x1" in skipped["reason"]
    assert run(root, out, human={"format": "jpeg", "max_side": 60_000})["skipped"] == []


def test_nothing_drawn_is_told_where_no_mask_of_any_kind_shows_a_label(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    nothing = layer(masks_human=False, gt_machine_color={"none": [1, 1, 1]})
    black = layer(masks_human=False, gt_machine_color={"leaf": [0, 0, 0], "box": [0, 0, 0]})

    def warned(raw: Any, **options: Any) -> bool:
        run(root, tmp_path / "out", raw, unknown_colors="warn", **options)
        return any("nothing is drawn" in warning for warning in told(tmp_path / "out")["warnings"])

    assert warned(nothing)
    assert warned(black)
    assert warned(nothing, instances="ids"), "instances are those of drawn classes"
    assert not warned(black, instances="ids"), "where black is a class like any other"
    assert not warned(nothing, semantic=True)
    assert not warned(nothing, unlisted="auto")
