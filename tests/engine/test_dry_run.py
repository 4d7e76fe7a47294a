"""A plan says what the export then does, and writes nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from airflow_savemasks import save_masks
from airflow_savemasks.engine.archive.bad_items import BadItems
from airflow_savemasks.engine.dry_run import dry_run
from airflow_savemasks.engine.errors import ArchiveError, SettingsError
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project
from tests.engine.samples import LAYER, add_item, annotation, job_of, layer, make_project, picture, run


def planned(project: Path, out: Path, raw: Any = LAYER, **options: Any) -> tuple[dict[str, Any], BadItems]:
    return dry_run(job_of(project, raw, **options), open_storage(str(out)), threading.Event(), Progress())


def plan(project: Path, out: Path, raw: Any = LAYER, **options: Any) -> dict[str, Any]:
    return planned(project, out, raw, **options)[0]


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def names_of(result: dict[str, Any]) -> set[str]:
    return {orjson.loads(line)["item"] for line in Path(result["index"]).read_bytes().splitlines()}


def assert_same(told: dict[str, Any], result: dict[str, Any], before: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """What a plan said, against what the export did."""
    manifest = orjson.loads(Path(result["manifest"]).read_bytes())
    for name in ("items", "unchanged", "unannotated", "orphans"):
        assert told[name] == result[name], name
    assert told.get("left_out") == result.get("left_out")
    assert told["would_write"] == result["archive"].replace("-00001.tar", ".tar")
    assert told["labels"] == manifest["totals"]["labels"]
    assert [one["name"] for one in told["classes"]] == [one["name"] for one in manifest["classes"]]
    assert set(told["warnings"]) <= set(manifest["warnings"])
    assert (told["added"], told["removed"]) == (len(names_of(result) - before), len(before - names_of(result)))
    assert told["would_fail"] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=12)


def test_planned_and_real_numbers_are_equal_of_a_first_export(project: Path, tmp_path: Path) -> None:
    (project / "ds0" / "ann" / "0005.png.json").unlink()
    (project / "ds0" / "ann" / "lost.png.json").write_text("{}")
    (project / "ds0" / "img" / "notes.txt").write_text("no picture")
    told = plan(project, tmp_path / "out")
    assert (told["labels"], told["unlabelled"], told["unannotated"], told["orphans"]) == (22, 1, 1, 1)
    assert [(one["name"], one["items"], one["labels"]) for one in told["classes"]] == [
        ("leaf", 11, 11),
        ("box", 11, 11),
    ]
    assert told["classes"][0]["machine"] == [100, 100, 100]
    assert_same(told, run(project, tmp_path / "out"))


def test_planned_and_real_numbers_are_equal_of_what_is_added_changed_and_removed(project: Path, tmp_path: Path) -> None:
    before = names_of(run(project, tmp_path / "out"))
    add_item(project, "0003.png", 99)
    for number in range(12, 15):
        add_item(project, f"{number:04d}.png", number)
    for name in ("0000.png", "0007.png"):
        (project / "ds0" / "img" / name).unlink()
        (project / "ds0" / "ann" / f"{name}.json").unlink()
    told = plan(project, tmp_path / "out")
    assert told["items"] == {"rendered": 4, "reused": 9, "skipped": 0}
    assert (told["added"], told["removed"], told["removed_items"]) == (3, 2, ["ds0/0000.png", "ds0/0007.png"])
    assert told["replaces"]
    assert_same(told, run(project, tmp_path / "out"), before)


def test_planned_and_real_numbers_are_equal_where_nothing_changed(project: Path, tmp_path: Path) -> None:
    result = run(project, tmp_path / "out")
    told = plan(project, tmp_path / "out")
    assert (told["unchanged"], told["seconds"], told["bytes"]) == (True, 0.0, result["bytes"])
    assert_same(told, run(project, tmp_path / "out"), names_of(result))
    assert plan(project, tmp_path / "out", if_exists="fail")["unchanged"], "an export finds its own result, too"


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_planned_and_real_numbers_are_equal_with_every_option(options: dict[str, Any], tmp_path: Path) -> None:
    project = make_full_project(tmp_path / "project", 6)
    assert_same(plan(project, tmp_path / "out", COLORS, **options), run(project, tmp_path / "out", COLORS, **options))


def test_bad_items_that_listing_and_annotations_show_are_all_told(project: Path, tmp_path: Path) -> None:
    folder = project / "ds0"
    (folder / "ann" / "0001.png.json").write_text("{")
    (folder / "ann" / "0002.png.json").write_text(json.dumps({**annotation(2), "objects": 5}))
    (folder / "img" / "0003.png").write_bytes(bytes(2000) + picture(3))
    options = {"limits": {"picture_bytes": (folder / "img" / "0003.png").stat().st_size - 1}}
    told, bad = planned(project, tmp_path / "out", **options)
    assert told["items"] == {"rendered": 9, "reused": 0, "skipped": 3}
    rows = [orjson.loads(line) for line in bad.lines()]
    assert [row["item"] for row in rows] == ["ds0/0001.png", "ds0/0002.png", "ds0/0003.png"]
    assert all(row["fact"] and row["fix"] for row in rows)
    assert told["would_fail"] == ["3 bad items; none may be left out"]
    assert told["bad_items"] == [{key: row[key] for key in ("item", "fact", "fix")} for row in rows]
    skipping = plan(project, tmp_path / "out", on_bad_item="skip", **options)
    assert_same(skipping, run(project, tmp_path / "out", on_bad_item="skip", **options))
    assert plan(project, tmp_path / "out2", on_bad_item="skip", max_skipped=2, **options)["would_fail"] == [
        "3 bad items; 2 may be left out"
    ]


def test_a_picture_that_is_too_large_is_no_bad_item_where_its_annotation_leaves_it_out(
    project: Path, tmp_path: Path
) -> None:
    for number, objects in ((3, {"objects": []}), (4, {})):
        add_item(project, f"{number:04d}.png", number, **objects)
        (project / f"ds0/img/{number:04d}.png").write_bytes(picture(number) + bytes(3000))
    options = {"limits": {"picture_bytes": len(picture(4)) + 2999}, "on_bad_item": "skip"}
    assert plan(project, tmp_path / "out", **options)["items"]["skipped"] == 2
    told, bad = planned(project, tmp_path / "out", pick={"labelled": True}, **options)
    assert [orjson.loads(line)["item"] for line in bad.lines()] == ["ds0/0004.png"]
    assert told["left_out"] == 1
    assert_same(told, run(project, tmp_path / "out", pick={"labelled": True}, **options))
    options["limits"]["picture_bytes"] += 1
    assert plan(project, tmp_path / "another", pick={"labelled": True}, **options)["items"]["skipped"] == 0


def test_a_bad_item_that_the_archive_had_counts_as_removed(project: Path, tmp_path: Path) -> None:
    before = names_of(run(project, tmp_path / "out"))
    (project / "ds0" / "ann" / "0001.png.json").write_text("{")
    told = plan(project, tmp_path / "out", on_bad_item="skip")
    assert told["removed_items"] == ["ds0/0001.png"]
    assert_same(told, run(project, tmp_path / "out", on_bad_item="skip"), before)


def test_names_that_clash_are_told_with_what_they_become(project: Path, tmp_path: Path) -> None:
    (project / "ds0" / "img" / "0004.jpg").write_bytes(picture(4))
    told = plan(project, tmp_path / "out")
    assert (told["renamed"], told["renamed_items"]) == (1, [{"item": "ds0/0004.png", "becomes": "0004_1.png"}])
    assert "ds0/0004_1.png" in names_of(run(project, tmp_path / "out"))


def test_a_plan_writes_nothing_not_even_a_folder(project: Path, tmp_path: Path) -> None:
    plan(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    run(project, tmp_path / "out")
    add_item(project, "0003.png", 99)
    before = tree(tmp_path / "out"), tree(project)
    plan(project, tmp_path / "out")
    assert (tree(tmp_path / "out"), tree(project)) == before


def test_a_plan_leaves_what_a_stopped_export_left_and_counts_it_as_reused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "ds0" / "img" / "0011.png").write_bytes(b"no picture")
    with pytest.raises(Exception, match="^1 of 12 items is bad, first: "):
        run(project, tmp_path / "out")
    (project / "ds0" / "img" / "0011.png").write_bytes(picture(11))
    monkeypatch.setattr(FolderStorage, "boot_id", "another-boot")  # its receipts have to be looked at byte by byte
    before = tree(tmp_path / "out")
    told = plan(project, tmp_path / "out")
    assert tree(tmp_path / "out") == before
    assert told["items"] == {"rendered": 1, "reused": 11, "skipped": 0}
    assert_same(told, run(project, tmp_path / "out"))


def test_a_plan_says_so_where_a_killed_export_has_to_be_finished_first(project: Path, tmp_path: Path) -> None:
    work = tmp_path / "out" / folder_of("export")
    work.mkdir(parents=True)
    (work / "next.manifest.json").write_text("{}")
    told = plan(project, tmp_path / "out")
    assert told["warnings"][-1].startswith("an export of this archive is publishing now, or was killed")
    assert (work / "next.manifest.json").read_text() == "{}"


def test_bytes_and_seconds_are_measured_by_the_last_archive(project: Path, tmp_path: Path) -> None:
    first = plan(project, tmp_path / "out")
    assert (first["bytes"], first["seconds"], first["measured_by"]) == (None, None, None)
    result = run(project, tmp_path / "out")
    speed = orjson.loads(Path(result["manifest"]).read_bytes())["speed"]
    assert speed["items"] == 12
    assert speed["seconds"] > 0
    anew = plan(project, tmp_path / "out", reuse=False)
    assert anew["bytes"] == result["bytes"]
    assert anew["seconds"] == round(speed["seconds"], 1)
    assert anew["measured_by"] == result["archive"]
    for number in range(12, 24):
        add_item(project, f"{number:04d}.png", number)
    more = plan(project, tmp_path / "out")
    assert more["bytes"] == pytest.approx(run(project, tmp_path / "out")["bytes"], rel=0.05)
    assert orjson.loads(Path(result["manifest"]).read_bytes())["speed"]["items"] == 12


def test_the_speed_of_an_archive_that_nothing_was_rendered_for_is_the_one_before(project: Path, tmp_path: Path) -> None:
    speed = orjson.loads(Path(run(project, tmp_path / "out")["manifest"]).read_bytes())["speed"]
    (project / "ds0" / "img" / "0000.png").unlink()
    result = run(project, tmp_path / "out")
    assert result["items"]["rendered"] == 0
    assert orjson.loads(Path(result["manifest"]).read_bytes())["speed"] == speed


def test_of_dated_names_the_archive_before_measures(project: Path, tmp_path: Path) -> None:
    result = run(project, tmp_path / "out", layer(dst="export 2026-01-01"))
    told = plan(project, tmp_path / "out", layer(dst="export 2026-01-02"))
    assert told["measured_by"] == result["archive"]
    assert told["seconds"] is not None
    assert not told["replaces"]


def test_a_plan_names_the_gates_that_would_fail_as_far_as_it_knows(project: Path, tmp_path: Path) -> None:
    add_item(project, "0000.png", 0, objects=[])
    gates = {"min_items": 13, "max_unlabelled": 0.05, "classes_present": ["kiwi"], "max_empty_masks": 0}
    assert plan(project, tmp_path / "out", gates=gates)["would_fail"] == [
        "gate max_unlabelled: 1 of 12 items have no label (8.333 %), at most 5 % may",
        "gate min_items: 12 items, at least 13 are wanted",
        "gate classes_present: no mask shows 'kiwi'",
    ]


def test_a_plan_says_that_nothing_would_be_drawn(project: Path, tmp_path: Path) -> None:
    raw = layer(gt_machine_color={"leaf": [1, 1, 1]}, gt_human_color={"leaf": [1, 1, 1]})
    for number in range(12):
        kept = [one for one in annotation(number)["objects"] if one["classTitle"] == "box"]
        add_item(project, f"{number:04d}.png", number, objects=kept)
    (reason,) = plan(project, tmp_path / "out", raw)["would_fail"]
    assert reason == "colours: nothing is drawn: no mask of 12 items shows any of 12 labels"


def test_what_stops_an_export_before_it_renders_stops_its_plan(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out")
    add_item(project, "0003.png", 99)
    with pytest.raises(ArchiveError, match="exists already"):
        plan(project, tmp_path / "out", if_exists="fail")
    with pytest.raises(SettingsError, match="keep: dst 'export' has no date"):
        plan(project, tmp_path / "out", keep=3)
    renamed = plan(project, tmp_path / "out", if_exists="rename")
    assert (renamed["would_write"], renamed["removed"]) == (str(tmp_path / "out" / "export_000.tar"), 0)
    assert_same(renamed, run(project, tmp_path / "out", if_exists="rename"))


def test_the_log_of_a_plan_begins_and_ends_with_a_line(project: Path, tmp_path: Path) -> None:
    said: list[str] = []
    dry_run(job_of(project), open_storage(str(tmp_path / "out")), threading.Event(), Progress(said.append))
    archive = f"{tmp_path}/out/export.tar"
    assert said == [f"{archive}: 12 items, only planned", f"{archive}: only planned, 12 to render, 0 reused, 0 bad"]


def test_save_masks_plans_as_well(project: Path, tmp_path: Path) -> None:
    told = save_masks(LAYER, {"$data_1": str(project)}, str(tmp_path / "out"), dry_run=True)
    assert told["items"]["rendered"] == 12
    assert not (tmp_path / "out").exists()
