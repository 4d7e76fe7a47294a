"""The promises: same input, same bytes; nothing lost in silence; a retry goes on where the last try stopped."""

from __future__ import annotations

import json
import os
import threading
import time
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from airflow_savemasks.engine import export as engine
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, ProjectError, SettingsError, Stopped
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import (
    LAYER,
    WORK,
    add_item,
    decoded,
    exported,
    job_of,
    layer,
    make_project,
    members,
    picture,
    run,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=40)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small projects have several parts, too."""
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_BYTES", 100_000)


def left_overs(team_files: Path) -> list[str]:
    return sorted(path.name for path in team_files.rglob("*") if path.is_file())


def test_the_archive_is_the_same_however_many_threads_made_it_and_however_often(project: Path, tmp_path: Path) -> None:
    archives = [
        Path(run(project, tmp_path / f"out{number}", workers=workers)["archive"]).read_bytes()
        for number, workers in enumerate((1, 2, 7, 2))
    ]
    assert len(set(archives)) == 1


def test_an_archive_begins_with_meta_and_holds_the_files_of_an_item_together(project: Path, tmp_path: Path) -> None:
    content = members(run(project, tmp_path / "out")["archive"])
    kinds = [("ann", ".png.json"), ("img", ".png"), ("masks_human", ".png"), ("masks_machine", ".png")]
    wanted = [f"ds0/{kind}/{number:04d}{ending}" for number in range(40) for kind, ending in kinds]
    assert list(content) == ["meta.json", *wanted]
    assert content["ds0/img/0003.png"] == picture(3)


def test_only_three_files_are_left_and_the_manifest_and_index_describe_the_archive(
    project: Path, tmp_path: Path
) -> None:
    result = run(project, tmp_path / "out")
    assert left_overs(tmp_path / "out") == ["export.index.jsonl", "export.manifest.json", "export.tar"]
    manifest = json.loads(Path(result["manifest"]).read_text())
    archive = Path(result["archive"]).read_bytes()
    lines = [orjson.loads(line) for line in Path(result["index"]).read_bytes().splitlines()]
    content = members(result["archive"])
    for line in lines:
        for entry in line["members"]:
            start = line["offset"] + entry["offset"]
            assert archive[start : start + entry["size"]] == content[entry["name"]]
            assert sha256(content[entry["name"]]).hexdigest() == entry["sha256"]
        mask = decoded(content[line["members"][-1]["name"]])
        assert line["pixels"].get("box", 0) == int((mask == 200).sum())
    assert manifest["totals"]["items"] == exported(result) == len(lines) == 40
    assert result["files"] == len(content)
    assert result["bytes"] == len(archive)
    boxes = next(entry for entry in manifest["classes"] if entry["name"] == "box")
    assert boxes["pixels"] == sum(line["pixels"].get("box", 0) for line in lines)


def test_a_changed_item_renders_that_item_and_the_archive_is_that_of_a_fresh_export(
    project: Path, tmp_path: Path
) -> None:
    first = run(project, tmp_path / "out")
    assert first["items"] == {"rendered": 40, "reused": 0, "skipped": 0}
    add_item(project, "0017.png", seed=99)
    second = run(project, tmp_path / "out")
    assert second["items"] == {"rendered": 1, "reused": 39, "skipped": 0}
    assert json.loads(Path(second["manifest"]).read_text())["items"] == second["items"]
    fresh = run(project, tmp_path / "fresh")["archive"]
    assert Path(second["archive"]).read_bytes() == Path(fresh).read_bytes()
    assert run(project, tmp_path / "out", reuse=False)["items"]["reused"] == 0


def test_an_archive_that_somebody_changed_is_not_reused(project: Path, tmp_path: Path) -> None:
    archive = Path(run(project, tmp_path / "out")["archive"])
    os.utime(archive, (1, 1))
    assert run(project, tmp_path / "out")["items"]["reused"] == 0


def test_a_failed_export_keeps_its_finished_parts_for_the_next_try(project: Path, tmp_path: Path) -> None:
    good = (project / "ds0/img/0023.png").read_bytes()
    (project / "ds0/img/0023.png").write_bytes(good[:100])
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out")
    assert not (tmp_path / "out" / "export.tar").exists()
    (project / "ds0/img/0023.png").write_bytes(good)
    assert run(project, tmp_path / "out")["items"] == {"rendered": 1, "reused": 39, "skipped": 0}


def test_all_bad_items_come_in_one_error_and_nothing_is_published(project: Path, tmp_path: Path) -> None:
    ann, img = project / "ds0/ann", project / "ds0/img"
    (ann / "0001.png.json").write_text("{")
    (img / "0002.png").write_bytes(b"no picture")
    (img / "0003.png").write_bytes(picture(3, width=41))
    (img / "0004.png").write_bytes(b"")
    data = json.loads((ann / "0005.png.json").read_text())
    data["objects"][0]["classTitle"] = "zebra"
    (ann / "0005.png.json").write_text(json.dumps(data))
    with pytest.raises(BadItemsError) as failed:
        run(project, tmp_path / "out")
    facts = [error.problem for error in failed.value.errors]
    wanted = ["broken JSON", "does not decode", "41x30", "empty", "class 'zebra' is not in meta.json"]
    assert len(facts) == len(wanted)
    assert all(fact in problem for fact, problem in zip(wanted, facts, strict=True))
    assert all("ds0/000" in error.where and error.fix for error in failed.value.errors)
    lines = [json.loads(line) for line in (tmp_path / "out/export.bad_items.jsonl").read_text().splitlines()]
    assert [line["fact"] for line in lines] == facts
    assert [line["item"] for line in lines] == [f"ds0/000{number}.png" for number in range(1, 6)]
    assert [path.name for path in (tmp_path / "out").glob("export*")] == ["export.bad_items.jsonl"]


def test_skipped_items_are_left_out_and_listed(project: Path, tmp_path: Path) -> None:
    (project / "ds0/img/0002.png").write_bytes(b"no picture")
    result = run(project, tmp_path / "out", on_bad_item="skip", max_skipped=1)
    assert [entry["item"] for entry in result["skipped"]] == ["ds0/0002.png"]
    assert "does not decode" in result["skipped"][0]["reason"]
    assert json.loads(Path(result["manifest"]).read_text())["skipped"] == [{**result["skipped"][0], "unread": False}]
    assert not any("0002" in name for name in members(result["archive"]))
    again = run(project, tmp_path / "out", on_bad_item="skip", max_skipped=1)
    assert again["skipped"] == result["skipped"], "an archive does not forget what it left out"
    assert again["items"] == {"rendered": 0, "reused": 39, "skipped": 1}
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out")


def test_what_is_too_large_as_it_is_listed_is_no_reason_to_make_an_archive_anew(tmp_path: Path) -> None:
    """Unlike what could not be read, which may be readable at the next try."""
    project = make_project(tmp_path / "project", items=3)
    large = project / "ds0/img/0001.png"
    large.write_bytes(large.read_bytes() + bytes(3000))
    options = {"on_bad_item": "skip", "limits": {"picture_bytes": large.stat().st_size - 1}}
    first = run(project, tmp_path / "out", **options)
    assert first["items"] == {"rendered": 2, "reused": 0, "skipped": 1}
    assert run(project, tmp_path / "out", **options)["unchanged"]


def test_more_skipped_items_than_allowed_fail(project: Path, tmp_path: Path) -> None:
    for name in ("0002.png", "0030.png"):
        (project / "ds0/img" / name).write_bytes(b"no picture")
    with pytest.raises(BadItemsError, match="max_skipped above 1"):
        run(project, tmp_path / "out", on_bad_item="skip", max_skipped=1)
    assert not (tmp_path / "out/export.tar").exists()


def test_a_truncated_jpeg_is_a_bad_item_although_opencv_would_fill_it_with_gray(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    project = make_project(tmp_path / "project", items=1)
    pixels = np.random.default_rng(5).integers(0, 256, (30, 40, 3), np.uint8)
    whole = cv2.imencode(".jpg", pixels)[1].tobytes()
    (project / "ds0/img/0000.png").rename(project / "ds0/img/0000.jpg")
    (project / "ds0/ann/0000.png.json").rename(project / "ds0/ann/0000.jpg.json")
    (project / "ds0/img/0000.jpg").write_bytes(whole)
    run(project, tmp_path / "out")
    (project / "ds0/img/0000.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadItemsError, match="ends too early"):
        run(project, tmp_path / "out")


def test_if_exists(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(project, out)
    for number, name in enumerate(("export_000.tar", "export_001.tar")):
        add_item(project, "0005.png", seed=70 + number)
        with pytest.raises(ArchiveError, match="exists already"):
            run(project, out, if_exists="fail")
        result = run(project, out, if_exists="rename")
        assert result["archive"] == str(out / name)
        assert result["items"]["rendered"] == 1
        again = run(project, out, if_exists="rename")
        assert (again["archive"], again["unchanged"]) == (result["archive"], True), "done twice is done once"
        add_item(project, "0005.png", seed=5)


def test_an_export_that_finds_its_own_result_returns_it_although_the_archive_must_not_exist(
    project: Path, tmp_path: Path
) -> None:
    first = run(project, tmp_path / "out", if_exists="fail")
    again = run(project, tmp_path / "out", if_exists="fail")
    assert again["unchanged"]
    assert again["archive"] == first["archive"]


def test_doubtful_colors_are_warnings_and_errors_when_strict(project: Path, tmp_path: Path) -> None:
    colors = {"leaf": [0, 0, 0], "box": [5, 5, 5], "moth": [5, 5, 5]}
    raw = layer(gt_machine_color=colors, masks_human=False)
    warnings = "\n".join(run(project, tmp_path / "out", raw, unknown_colors="warn")["warnings"])
    for fact in ("black like the background: 'leaf'", "no source has the class 'moth'", "'box', 'moth' [5, 5, 5]"):
        assert fact in warnings
    with pytest.raises(SettingsError, match="'leaf'; classes share"):
        run(project, tmp_path / "out", raw, strict_colors=True, unknown_colors="warn")


def test_a_stop_ends_within_a_second_and_leaves_nothing_half_published(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    project = make_project(tmp_path / "project", items=0)
    pixels = np.random.default_rng(5).integers(0, 256, (1500, 2000, 3), np.uint8)
    for number in range(60):
        (project / f"ds0/img/{number:03d}.bmp").write_bytes(cv2.imencode(".bmp", pixels)[1].tobytes())
    stop = threading.Event()
    stopped_at = []
    threading.Timer(0.4, lambda: (stop.set(), stopped_at.append(time.monotonic()))).start()
    with pytest.raises(Stopped):
        engine.export(job_of(project), open_storage(str(tmp_path / "out")), stop, Progress())
    assert time.monotonic() - stopped_at[0] < 1
    assert not [name for name in left_overs(tmp_path / "out") if name.endswith(".tmp") or name.startswith("export")]


def test_progress_says_items_share_speed_bytes_and_time_left(project: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    engine.export(job_of(project), open_storage(str(tmp_path / "out")), threading.Event(), Progress(lines.append, 0.0))
    middle = next(line for line in lines if line.startswith("20/40 items"))
    assert "(50 %)" in middle
    assert "images/s" in middle
    assert "left" in middle
    assert "B" in middle


def test_verify_names_the_damaged_file(project: Path, tmp_path: Path) -> None:
    archive = Path(run(project, tmp_path / "out")["archive"])
    storage = open_storage(str(tmp_path / "out"))
    assert verify(storage, "export")["items"] == 40
    data = bytearray(archive.read_bytes())
    data[data.index(picture(3)) + 50] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"1 differences:\n.*ds0/img/0003.png differs"):
        verify(storage, "export")


def test_sources_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"nowhere: no meta.json.*Nothing is there"):
        run(tmp_path / "nowhere", tmp_path / "out")
    make_project(tmp_path / "outer/inner")
    with pytest.raises(ProjectError, match=r"did you mean .*outer/inner"):
        run(tmp_path / "outer", tmp_path / "out")
    with pytest.raises(ProjectError, match="no picture"):
        run(make_project(tmp_path / "hollow", items=0), tmp_path / "out")
    (tmp_path / "outer/inner/meta.json").write_text("{")
    with pytest.raises(ProjectError, match=r"meta.json: broken JSON"):
        run(tmp_path / "outer/inner", tmp_path / "out")


def test_two_sources_with_one_dataset_name_share_a_folder_and_no_file_is_overwritten(tmp_path: Path) -> None:
    from airflow_savemasks import save_masks

    one, two = (make_project(tmp_path / name, items=3) for name in ("one", "two"))
    raw = {**LAYER, "src": ["$a", "$b"]}
    result = save_masks(raw, {"$a": str(one), "$b": str(two)}, str(tmp_path / "out"))
    images = [name for name in members(result["archive"]) if "/img/" in name]
    assert images == [f"ds0/img/000{number}{tail}.png" for tail in ("", "_1") for number in range(3)]


def test_what_is_no_item_is_told(project: Path, tmp_path: Path) -> None:
    (project / "ds0/img/notes.txt").write_text("x")
    (project / "ds0/ann/lost.png.json").write_text("{}")
    warnings = "\n".join(run(project, tmp_path / "out")["warnings"])
    assert "1 files with no extension of a picture, left out: 'ds0/img/notes.txt'" in warnings
    assert "1 annotations without a picture, left out: 'ds0/ann/lost.png.json'" in warnings


def test_machine_masks_alone_decode_no_picture(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("airflow_savemasks.engine.image.decode.decode", refuse)
    assert exported(run(project, tmp_path / "out", layer(masks_human=False))) == 40


def test_a_too_large_archive_is_split_into_volumes_that_open_alone(project: Path, tmp_path: Path) -> None:
    whole = run(project, tmp_path / "whole")
    result = run(project, tmp_path / "out", volume_size=whole["bytes"] // 3)
    assert [Path(file).name for file in result["volumes"]] == [
        f"export-0000{n}.tar" for n in range(1, len(result["volumes"]) + 1)
    ]
    assert len(result["volumes"]) >= 3
    contents = [members(file) for file in result["volumes"]]
    assert all(next(iter(content)) == "meta.json" for content in contents)
    together = {name: data for content in contents for name, data in content.items()}
    assert together == members(whole["archive"])
    add_item(project, "0001.png", seed=77)
    again = run(project, tmp_path / "out", volume_size=whole["bytes"] // 2)
    assert again["items"]["rendered"] == 1
    assert verify(open_storage(str(tmp_path / "out")), "export")["items"] == 40
    names = left_overs(tmp_path / "out")
    assert [name for name in names if name.endswith(".tar")] == [Path(file).name for file in again["volumes"]]


def test_parts_from_before_the_machines_last_start_are_used_only_if_they_are_whole(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are not synced to disk: after a power cut a receipt may be there and its part not."""
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 5)
    good = (project / "ds0/img/0023.png").read_bytes()
    (project / "ds0/img/0023.png").write_bytes(b"x")
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out")
    (project / "ds0/img/0023.png").write_bytes(good)
    receipts = sorted((tmp_path / "out" / WORK).glob("*.receipt"))
    heads = [receipt.read_bytes().partition(b"\n")[0] for receipt in receipts[:2]]
    lost = orjson.loads(heads[0])
    with (receipts[0].parent / lost["file"]).open("r+b") as file:
        file.seek(lost["end"] - 1700)
        file.write(bytes(1000))
    receipts[1].write_bytes(b"")
    monkeypatch.setattr("airflow_savemasks.engine.storage.folder.boot", lambda: "anotherboot")
    result = run(project, tmp_path / "out")
    lost_items = sum(orjson.loads(head)["items"] for head in heads)
    assert result["items"] == {"rendered": 1 + lost_items, "reused": 39 - lost_items, "skipped": 0}
    fresh = run(project, tmp_path / "fresh")
    assert Path(result["archive"]).read_bytes() == Path(fresh["archive"]).read_bytes()


def test_a_nightly_archive_of_another_name_takes_unchanged_items_from_the_one_before(
    project: Path, tmp_path: Path
) -> None:
    run(project, tmp_path / "out", layer(dst="monday"))
    add_item(project, "0017.png", seed=99)
    second = run(project, tmp_path / "out", layer(dst="tuesday"), reuse="monday")
    assert second["items"] == {"rendered": 1, "reused": 39, "skipped": 0}
    fresh = run(project, tmp_path / "fresh", layer(dst="tuesday"), reuse="there is none")
    assert Path(second["archive"]).read_bytes() == Path(fresh["archive"]).read_bytes()
    with pytest.raises(SettingsError, match="neither true, false nor the name"):
        run(project, tmp_path / "out", reuse=7)
