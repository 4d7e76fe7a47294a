"""What a plan says of an export's end is what becomes of it: that it fails, warns, replaces, or changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import GateError
from tests.engine.samples import add_item, annotation, layer, make_project, run
from tests.engine.test_dry_run import assert_same, names_of, plan


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=12)


def test_what_an_export_only_warns_of_does_not_make_it_fail(project: Path, tmp_path: Path) -> None:
    raw = layer(gt_machine_color={"leaf": [1, 1, 1]}, gt_human_color={"leaf": [1, 1, 1]})
    for number in range(12):
        kept = [one for one in annotation(number)["objects"] if one["classTitle"] == "box"]
        add_item(project, f"{number:04d}.png", number, objects=kept)
    told = plan(project, tmp_path / "out", raw, unknown_colors="warn")
    assert told["warnings"][-1] == "nothing is drawn: no mask of 12 items shows any of 12 labels"
    assert_same(told, run(project, tmp_path / "out", raw, unknown_colors="warn"))


def test_a_class_that_has_labels_and_no_colour_is_not_seen(project: Path, tmp_path: Path) -> None:
    raw = layer(gt_machine_color={"leaf": [1, 1, 1]}, gt_human_color={"leaf": [1, 1, 1], "box": [2, 2, 2]})
    gates = {"classes_present": ["box"]}
    assert plan(project, tmp_path / "out", raw, gates=gates)["would_fail"] == [
        "gate classes_present: no mask shows 'box'"
    ]
    with pytest.raises(GateError, match="no mask shows 'box'"):
        run(project, tmp_path / "out", raw, gates=gates)


def test_gates_that_an_unchanged_archive_does_not_pass_are_told(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out")
    told = plan(project, tmp_path / "out", gates={"min_items": 13})
    assert (told["unchanged"], told["would_fail"]) == (
        True,
        ["gate min_items: 12 items, at least 13 are wanted"],
    )
    with pytest.raises(GateError, match="at least 13"):
        run(project, tmp_path / "out", gates={"min_items": 13})


def test_of_an_unchanged_archive_nothing_is_added_whatever_it_would_be_called(project: Path, tmp_path: Path) -> None:
    before = names_of(run(project, tmp_path / "out"))
    told = plan(project, tmp_path / "out", if_exists="rename")
    assert (told["unchanged"], told["added"]) == (True, 0)
    assert_same(told, run(project, tmp_path / "out", if_exists="rename"), before)


def test_labels_of_finished_items_count_that_are_above_a_new_limit(project: Path, tmp_path: Path) -> None:
    before = names_of(run(project, tmp_path / "out"))
    add_item(project, "0012.png", 12, objects=[])
    told = plan(project, tmp_path / "out", limits={"labels": 1})
    assert (told["labels"], told["unlabelled"]) == (24, 1)
    assert_same(told, run(project, tmp_path / "out", limits={"labels": 1}), before)


def test_an_archive_without_a_manifest_would_be_replaced_as_well(project: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "export.tar").write_bytes(b"somebody's")
    assert plan(project, tmp_path / "out")["replaces"]
