"""Gates: an archive that is not as it has to be is not published, and nothing of the work is lost."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from airflow_savemasks.engine.archive.index import KnownItem
from airflow_savemasks.engine.archive.shares import Drift, drifts
from airflow_savemasks.engine.errors import ArchiveError, GateError, SettingsError
from airflow_savemasks.engine.publish.gates import Counted
from airflow_savemasks.engine.publish.speed import known_speed
from tests.engine.samples import add_item, layer, make_project, run

BOX = {"classTitle": "box", "tags": [], "points": {"exterior": [[2, 2], [9, 9]], "interior": []}}
OUTSIDE = {"classTitle": "box", "tags": [], "points": {"exterior": [[200, 200], [210, 210]], "interior": []}}
HIDDEN = {"classTitle": "leaf", "tags": [], "points": {"exterior": [[3, 3], [5, 3], [5, 5]], "interior": []}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Ten items: 0000 to 0002 without a label, 0003 with labels of which nothing is seen, a box on all others."""
    root = make_project(tmp_path / "project", items=0)
    for number in range(10):
        labels: list[Any] = [] if number < 3 else [HIDDEN] if number == 3 else [BOX]
        add_item(root, f"{number:04d}.png", number, objects=labels)
    return root


LAYER = layer(gt_machine_color={"box": [200, 200, 200]}, gt_human_color={"box": [255, 0, 0]})


def gates_of(result: dict[str, Any]) -> dict[str, Any]:
    return orjson.loads(Path(result["manifest"]).read_bytes())["gates"]


def failed(project: Path, out: Path, **gates: Any) -> GateError:
    with pytest.raises(GateError) as caught:
        run(project, out, LAYER, gates=gates)
    return caught.value


@pytest.mark.parametrize(
    ("gates", "fact", "worst"),
    [
        (
            {"max_unlabelled": 0.29},
            "3 of 10 items have no label (30 %), at most 29 % may",
            "ds0/0000.png, ds0/0001.png, ds0/0002.png",
        ),
        ({"max_empty_masks": 0}, "1 of 10 items have labels and an empty mask (10 %), at most 0 % may", "ds0/0003.png"),
        ({"min_items": 11}, "10 items, at least 11 are wanted", ""),
        ({"classes_present": ["box", "leaf", "kiwi"]}, "no mask shows 'leaf', 'kiwi'", "to be seen are 'box'"),
    ],
)
def test_a_failed_gate_names_figure_bound_and_the_worst_items_and_publishes_nothing(
    project: Path, tmp_path: Path, gates: dict[str, Any], fact: str, worst: str
) -> None:
    error = failed(project, tmp_path / "out", **gates)
    name = next(iter(gates))
    assert error.failed == [(name, fact, worst)]
    assert str(error).startswith(f"gate {name}: {fact}; nothing was published:\n")
    assert not list((tmp_path / "out").glob("export*"))


@pytest.mark.parametrize(
    "gates", [{"max_unlabelled": 0.3}, {"max_empty_masks": 0.1}, {"min_items": 10}, {"classes_present": ["box"]}]
)
def test_a_figure_that_is_just_the_bound_passes(project: Path, tmp_path: Path, gates: dict[str, Any]) -> None:
    assert run(project, tmp_path / "out", LAYER, gates=gates)["items"]["rendered"] == 10


def test_a_retry_with_a_wider_gate_renders_nothing(project: Path, tmp_path: Path) -> None:
    failed(project, tmp_path / "out", max_unlabelled=0.2)
    assert run(project, tmp_path / "out", LAYER, gates={"max_unlabelled": 0.3})["items"] == {
        "rendered": 0,
        "reused": 10,
        "skipped": 0,
    }


def test_a_failed_gate_leaves_the_archive_that_is_there_as_it_is(project: Path, tmp_path: Path) -> None:
    before = Path(run(project, tmp_path / "out", LAYER)["archive"]).read_bytes()
    add_item(project, "0010.png", 10, objects=[])
    failed(project, tmp_path / "out", max_unlabelled=0.3)
    assert (tmp_path / "out" / "export.tar").read_bytes() == before


def test_every_gate_that_fails_is_named_at_once(project: Path, tmp_path: Path) -> None:
    error = failed(project, tmp_path / "out", min_items=11, max_empty_masks=0)
    assert [name for name, _, _ in error.failed] == ["max_empty_masks", "min_items"]
    assert str(error).startswith("gate max_empty_masks (and 1 more): 1 of 10 items")
    assert "  min_items: 10 items, at least 11 are wanted\n" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_figures_of_every_gate_stand_in_the_manifest_asked_for_or_not(project: Path, tmp_path: Path) -> None:
    assert gates_of(run(project, tmp_path / "out", LAYER, gates={"max_unlabelled": 0.5})) == {
        "max_unlabelled": {"figure": 0.3, "bound": 0.5, "items": 3},
        "max_empty_masks": {"figure": 0.1, "bound": None, "items": 1},
        "min_items": {"figure": 10, "bound": None},
        "max_class_drift": {"figure": None, "bound": None, "against": None},
        "classes_present": {"figure": ["box"], "bound": None},
    }


def test_drift_is_measured_against_the_archive_that_is_replaced(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=0)
    both = [BOX, {**BOX, "classTitle": "leaf", "points": {"exterior": [[20, 5], [30, 5], [30, 12]], "interior": []}}]
    for number in range(4):
        add_item(root, f"{number}.png", number, objects=both)
    run(root, tmp_path / "out", gates={"max_class_drift": 0})  # nothing is there: nothing to drift from
    for number in range(3):
        add_item(root, f"{number}.png", number, objects=[BOX])
    with pytest.raises(GateError) as caught:
        run(root, tmp_path / "out", gates={"max_class_drift": 0.5})
    ((name, fact, worst),) = caught.value.failed
    assert name == "max_class_drift"
    assert fact.startswith("'leaf' went from 43.36 % to 16.07 % of the visible pixels (0.63), at most 0.5 is allowed")
    assert worst.endswith("most of it in ds0/3.png")
    again = run(root, tmp_path / "out", gates={"max_class_drift": 0.64})
    assert again["items"]["rendered"] == 0
    assert gates_of(again)["max_class_drift"] == {"figure": 0.6295, "bound": 0.64, "class": "leaf", "against": "export"}


def test_of_dated_names_drift_is_measured_against_the_newest_older_archive(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=0)
    add_item(root, "0.png", 0, objects=[BOX])
    for day in ("2026-01-01", "2026-01-02", "2026-03-01"):
        objects = [BOX] if day != "2026-01-02" else [HIDDEN]
        add_item(root, "0.png", 0, objects=objects)
        run(root, tmp_path / "out", layer(dst=f"export {day}"))
    with pytest.raises(GateError, match="'leaf' went from 100 % to 0 % of the visible pixels"):
        run(root, tmp_path / "out", layer(dst="export 2026-01-03"), gates={"max_class_drift": 0.5})


def test_an_archive_that_stays_as_it_is_has_to_pass_as_well(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out", LAYER)
    failed(project, tmp_path / "out", max_empty_masks=0)
    assert run(project, tmp_path / "out", LAYER, gates={"max_empty_masks": 0.1})["unchanged"]


def test_drift_is_by_how_much_the_smaller_share_is_below_the_larger() -> None:
    found = drifts({"a": 10, "b": 90}, {"a": 7, "b": 93})
    assert found[0] == Drift("a", 0.1, 0.07, 0.3)
    assert drifts({"a": 7, "b": 93}, {"a": 10, "b": 90})[0].size == pytest.approx(0.3)
    assert [(one.name, one.size) for one in drifts({"a": 1, "gone": 1}, {"a": 1})] == [("gone", 1.0), ("a", 0.5)]
    assert drifts({}, {"new": 5}) == []
    assert drifts({"a": 0}, {}) == []


def test_a_drift_that_is_just_the_bound_is_not_above_it() -> None:
    for percent in range(101):
        for before in (55, 100, 700):
            whole = {"a": before * 1000, "z": (1000 - before) * 1000}
            part = before * 10 * (100 - percent)
            drifted = {one.name: one.size for one in drifts(whole, {"a": part, "z": 1_000_000 - part})}
            assert drifted["a"] == percent / 100


def test_the_worst_empty_masks_are_those_of_the_items_with_most_labels() -> None:
    counted = Counted()
    for labels in range(1, 31):
        counted.add(KnownItem(0, 0, 0, f"ds/{labels}", "", ((), 0, ""), labels, 4, {}, {}))
    assert sorted(labels for labels, _ in counted.worst_empty) == list(range(21, 31))
    assert counted.empty == 30


@pytest.mark.parametrize(
    "gates",
    [
        {"max_unlabelled": 1.1},
        {"max_unlabelled": -0.1},
        {"max_empty_masks": 3},
        {"max_class_drift": "0.3"},
        {"min_items": 1.5},
        {"min_items": True},
        {"classes_present": "kiwi"},
        {"max_unlabeled": 0.2},
        [],
        0.2,
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused(gates: Any, project: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="gates") as caught:
        run(project, tmp_path / "out", LAYER, gates=gates)
    assert caught.value.fix


def test_gates_change_no_byte_and_no_key(project: Path, tmp_path: Path) -> None:
    plain = run(project, tmp_path / "a", LAYER)
    gated = run(project, tmp_path / "b", LAYER, gates={"min_items": 1})
    assert Path(plain["archive"]).read_bytes() == Path(gated["archive"]).read_bytes()
    keys = [
        [json.loads(line)["key"] for line in Path(one["index"]).read_bytes().splitlines()] for one in (plain, gated)
    ]
    assert keys[0] == keys[1]


def test_only_the_first_of_many_are_named(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=0)
    for number in range(13):
        add_item(root, f"{number:04d}.png", number, objects=[])
    ((_, _, worst),) = failed(root, tmp_path / "out", max_unlabelled=0).failed
    assert worst == f"{', '.join(f'ds0/{number:04d}.png' for number in range(10))} and 3 more"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"items": 10, "seconds": 5.0}, 1.0),
        ({"items": 10, "seconds": 5}, 1.0),
        ({"items": 0, "seconds": 5.0}, None),
        ({"items": -1, "seconds": 5.0}, None),
        ({"items": True, "seconds": 5.0}, None),
        ({"items": 10.5, "seconds": 5.0}, None),
        ({"items": 10, "seconds": 0}, None),
        ({"items": 10, "seconds": 1e9}, None),
        ({"items": 10, "seconds": "5"}, None),
        ({"items": 10}, None),
        (None, None),
        ([10, 5.0], None),
    ],
)
def test_the_speed_of_a_manifest_is_not_trusted(told: Any, seconds: float | None) -> None:
    archive = SimpleNamespace(raw={"speed": told})
    speed = known_speed(archive)  # type: ignore[arg-type]
    assert (speed.seconds_for(2) if speed else None) == seconds


def test_an_archive_that_stays_with_a_damaged_index_is_an_error_with_its_fix(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out", LAYER)
    index = tmp_path / "out" / "export.index.jsonl"
    content, before = bytearray(index.read_bytes()), index.stat()
    content[0:1] = b"#"
    index.write_bytes(content)
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))  # nothing but its bytes tells
    with pytest.raises(ArchiveError, match=r"export.index.jsonl: is damaged .* Export it again with reuse=False"):
        run(project, tmp_path / "out", LAYER, gates={"min_items": 1})
