"""What the README promises, sentence by sentence, where nothing but the result would tell that it was broken."""

from __future__ import annotations

import json
import os
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.errors import BadItemsError, ProjectError, StorageError
from airflow_savemasks.engine.export import render_batch
from airflow_savemasks.engine.parts import receipts as parts
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish.assemble import Rendered, assemble
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work import rendering
from airflow_savemasks.engine.work.budget import Budget
from tests.engine.samples import (
    CLASSES,
    LAYER,
    WORK,
    add_item,
    annotation,
    decoded,
    exported,
    job_of,
    layer,
    make_project,
    members,
    picture,
    plan_of,
    render,
    run,
)

GRAYS = {"leaf": [100, 100, 100], "box": [200, 200, 200]}
compiled = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 3)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=12)


def fresh(project: Path, tmp_path: Path, raw: Any = LAYER, **options: Any) -> bytes:
    """The archive of an export that has nothing to reuse."""
    return Path(run(project, tmp_path / f"fresh{time.monotonic_ns()}", raw, **options)["archive"]).read_bytes()


# what is reused


@pytest.mark.parametrize(
    "changed",
    [
        layer(gt_machine_color={"leaf": [101, 101, 101], "box": [200, 200, 200]}),
        layer(gt_human_color={"leaf": [0, 255, 1], "box": [255, 0, 0]}),
        layer(masks_human=False),
        layer(masks_machine=False),
        layer(gt_machine_color={"leaf": [100, 100, 100]}),
    ],
    ids=["machine colour", "human colour", "no human masks", "no machine masks", "a class less"],
)
def test_other_settings_give_other_masks_and_reuse_none(project: Path, tmp_path: Path, changed: dict[str, Any]) -> None:
    run(project, tmp_path / "out")
    again = run(project, tmp_path / "out", changed)
    assert again["items"]["reused"] == 0
    assert Path(again["archive"]).read_bytes() == fresh(project, tmp_path, changed)


def test_another_mapping_gives_other_masks(tmp_path: Path) -> None:
    make_project(tmp_path / "projects/fruits", items=12)

    def graph(mapping: dict[str, str]) -> list[dict[str, Any]]:
        settings = {"classes_mapping": mapping, "tags_mapping": "default"}
        return [{"action": "data", "src": ["fruits/*"], "dst": "$data_1", "settings": settings}, LAYER]

    from airflow_savemasks import save_masks

    results = []
    for mapping in ({"leaf": "__default__", "box": "__default__"}, {"leaf": "__ignore__", "box": "__default__"}):
        out = str(tmp_path / "out")
        results.append(save_masks(graph(mapping), {}, out, projects=str(tmp_path / "projects")))
    assert results[1]["items"]["reused"] == 0
    assert "leaf" not in {entry["name"] for entry in json.loads(Path(results[1]["manifest"]).read_text())["classes"]}


def test_another_order_of_sources_gives_the_meta_of_the_first(tmp_path: Path) -> None:
    from airflow_savemasks import save_masks

    for name, color in (("one", "#00FF00"), ("two", "#00FF01")):
        made = make_project(tmp_path / name, items=3, dataset=name)
        meta = json.loads((made / "meta.json").read_text())
        meta["classes"][0]["color"] = color
        (made / "meta.json").write_text(json.dumps(meta))
    colors = []
    for src in (["$a", "$b"], ["$b", "$a"]):
        sources = {"$a": str(tmp_path / "one"), "$b": str(tmp_path / "two")}
        made = save_masks({**LAYER, "src": src}, sources, str(tmp_path / "out"))
        colors.append(json.loads(members(made["archive"])["meta.json"])["classes"][0]["color"])
    assert colors == ["#00FF00", "#00FF01"]


def test_a_picture_that_changed_and_changed_back_gets_the_masks_of_what_it_is(project: Path, tmp_path: Path) -> None:
    first = Path(run(project, tmp_path / "out")["archive"]).read_bytes()
    path = project / "ds0/img/0005.png"
    old, seen = path.read_bytes(), path.stat()
    path.write_bytes(picture(99))
    changed = Path(run(project, tmp_path / "out")["archive"]).read_bytes()
    assert changed == fresh(project, tmp_path) != first
    path.write_bytes(old)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == first


# what changes while it is exported


@pytest.mark.parametrize("place", ["img/0005.png", "ann/0005.png.json"])
def test_what_changes_between_listing_and_reading_is_a_bad_item_and_never_reused(
    project: Path, tmp_path: Path, place: str
) -> None:
    job, storage = job_of(project, on_bad_item="skip"), open_storage(str(tmp_path / "out"))
    files = plan_of(job, storage)
    path = project / "ds0" / place
    old, seen = path.read_bytes(), path.stat()
    path.write_bytes(picture(99) if "img" in place else json.dumps(annotation(98)).encode())
    outcome = render(job, storage, files)
    result = assemble(job, storage, files, Rendered(outcome.rendered))
    (skipped,) = result["skipped"]
    assert "was changed after it was listed" in skipped["reason"]
    path.write_bytes(old)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    after = run(project, tmp_path / "out", on_bad_item="skip")
    assert exported(after) == 12
    assert not after["skipped"]
    assert after["items"] == {"rendered": 1, "reused": 11, "skipped": 0}
    assert Path(after["archive"]).read_bytes() == fresh(project, tmp_path)


def test_a_picture_that_was_away_for_a_moment_comes_back_with_the_next_export(project: Path, tmp_path: Path) -> None:
    job, storage = job_of(project, on_bad_item="skip"), open_storage(str(tmp_path / "out"))
    files = plan_of(job, storage)
    path = project / "ds0/img/0005.png"
    path.rename(tmp_path / "away")
    render(job, storage, files)
    with pytest.raises(BadItemsError, match="was listed and is gone"):
        render(job_of(project, on_bad_item="skip", max_skipped=0), storage, files)
    assert exported(assemble(job, storage, files, Rendered(11))) == 11
    (tmp_path / "away").rename(path)
    assert exported(run(project, tmp_path / "out", on_bad_item="skip")) == 12


def test_a_bad_item_that_was_skipped_is_not_published_by_an_export_that_may_not_skip(
    project: Path, tmp_path: Path
) -> None:
    (project / "ds0/img/0005.png").write_bytes(b"no picture")
    assert exported(run(project, tmp_path / "out", on_bad_item="skip")) == 11
    with pytest.raises(BadItemsError, match=r"^1 of \d+ items is bad, first: "):
        run(project, tmp_path / "out")
    with pytest.raises(BadItemsError, match="max_skipped above 0"):
        run(project, tmp_path / "out", on_bad_item="skip", max_skipped=0)
    lines = (tmp_path / "out/export.bad_items.jsonl").read_text().splitlines()
    assert [json.loads(line)["item"] for line in lines] == ["ds0/0005.png"]
    (project / "ds0/img/0005.png").write_bytes(picture(5))
    assert exported(run(project, tmp_path / "out")) == 12
    assert not (tmp_path / "out/export.bad_items.jsonl").exists()


def test_bad_items_of_all_batches_come_together_in_one_file(project: Path, tmp_path: Path) -> None:
    for number in (1, 11):
        (project / f"ds0/img/{number:04d}.png").write_bytes(b"no picture")
    job, storage = job_of(project), open_storage(str(tmp_path / "out"))
    files = plan_of(job, storage)
    for batch in reversed(make_batches(files, 2)):
        with pytest.raises(BadItemsError, match=r"^1 of \d+ items is bad, first: "):
            render_batch(job, storage, files, batch, threading.Event(), Progress())
    file = tmp_path / "out/export.bad_items.jsonl"
    items = [json.loads(line)["item"] for line in file.read_text().splitlines()]
    assert items == ["ds0/0001.png", "ds0/0011.png"]


def test_what_is_left_to_clean_up_makes_no_published_archive_fail(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise StorageError("here", "no right to remove", "Give it")

    storage = open_storage(str(tmp_path / "out"))
    monkeypatch.setattr(storage, "delete", refuse)
    result = run(project, storage)
    assert any("no right to remove" in line and "published" in line for line in result["warnings"])
    assert Path(result["archive"]).read_bytes() == fresh(project, tmp_path)


# what is drawn


def colored(tmp_path: Path, machine: dict[str, list[int]], human: dict[str, list[int]]) -> dict[str, bytes]:
    project = make_project(tmp_path / "p", items=1)
    return members(run(project, tmp_path / "out", layer(gt_machine_color=machine, gt_human_color=human))["archive"])


def test_classes_of_one_gray_keep_their_own_human_colors_and_counts(tmp_path: Path) -> None:
    same = colored(tmp_path / "same", {"leaf": [9, 9, 9], "box": [9, 9, 9]}, LAYER["settings"]["gt_human_color"])
    apart = colored(tmp_path / "apart", GRAYS, LAYER["settings"]["gt_human_color"])
    assert same["ds0/masks_human/0000.png"] == apart["ds0/masks_human/0000.png"]
    counts = [
        json.loads((tmp_path / name / "out/export.index.jsonl").read_text())["pixels"] for name in ("same", "apart")
    ]
    assert counts[0] == counts[1]


def test_masks_of_other_classes_do_not_share_a_canvas(tmp_path: Path) -> None:
    """Two tables of one length and other names: a class that only one mask shows covers nothing in the other."""
    machine, human = {"leaf": [7, 7, 7], "none": [1, 1, 1]}, {"box": [255, 0, 0], "none": [1, 2, 3]}
    project = make_project(tmp_path / "q", items=1)
    raws = layer(gt_machine_color=machine, gt_human_color=human), layer(masks_machine=False, gt_human_color=human)
    both, alone = (
        members(run(project, tmp_path / str(number), raw, unknown_colors="warn")["archive"])
        for number, raw in enumerate(raws)
    )
    assert both["ds0/masks_human/0000.png"] == alone["ds0/masks_human/0000.png"]
    gray = decoded(both["ds0/masks_machine/0000.png"])
    assert set(np.unique(gray)) <= {0, 7}


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_drawing_of_a_single_channel_is_laid_over_too(tmp_path: Path, channel: int) -> None:
    """Alpha masks are blended into a drawing, of which any channel may be the only one that shows."""
    from airflow_savemasks.engine.geometry.bitmap_coding import encode_alpha

    project = make_project(tmp_path / "p", items=0)
    meta = {"classes": [{"title": "haze", "shape": "alpha_mask", "color": "#000000"}], "tags": []}
    (project / "meta.json").write_text(json.dumps(meta))
    haze = {"origin": [0, 0], "data": encode_alpha(np.full((30, 40), 255, np.uint8))}
    add_item(project, "a.png", 1, objects=[{"classTitle": "haze", "tags": [], "bitmap": haze}])
    rgb = [0, 0, 0]
    rgb[channel] = 200
    raw = layer(gt_machine_color={"haze": [5, 5, 5]}, gt_human_color={"haze": rgb})
    made = decoded(members(run(project, tmp_path / "out", raw)["archive"])["ds0/masks_human/a.png"])
    left, right = made[:, :40].astype(float), made[:, 41:]
    assert np.array_equal(right, np.trunc(0.5 * left + 0.5 * np.array(rgb)).astype(np.uint8))


@compiled
@pytest.mark.parametrize("width", [10_921, 10_922, 10_923, 12_000])
def test_a_human_mask_with_halves_farther_apart_than_deflate_looks_back_decodes(tmp_path: Path, width: int) -> None:
    project = make_project(tmp_path / "p", items=0)
    pixels = np.tile(np.random.default_rng(1).integers(0, 256, (3, 97, 3), np.uint8), (1, 130, 1))[:, :width].copy()
    (project / "ds0/img/a.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    made = decoded(members(run(project, tmp_path / "out")["archive"])["ds0/masks_human/a.png"])
    assert made.shape == (3, 2 * width + 1, 3)
    assert np.array_equal(made[:, :width], pixels[:, :, ::-1])
    assert np.array_equal(made[:, width + 1 :], pixels[:, :, ::-1])


# the archive


@pytest.mark.parametrize("length", [99, 100, 101, 140, 250])
@pytest.mark.parametrize("letter", ["a", "я"])
def test_members_with_long_names_are_unpacked_by_tar_itself(tmp_path: Path, length: int, letter: str) -> None:
    name = (letter * length)[: (length if letter == "a" else length // 2) - len("ds0/img/.png")] + ".png"
    project = make_project(tmp_path / "p", items=0)
    add_item(project, name[-240:] if letter == "a" else name[-120:], 1)
    archive = Path(run(project, tmp_path / "out")["archive"])
    with tarfile.open(archive) as tar:
        assert sum(1 for _ in tar) == 5
    size = archive.stat().st_size
    assert size % 512 == 0
    for found in members(archive).values():
        assert found


def test_volumes_stay_below_their_limit_and_smaller_ones_replace_larger_ones(project: Path, tmp_path: Path) -> None:
    sizes = []
    for volume_size in (None, 60_000, 30_000, 60_000, None):
        result = run(project, tmp_path / "out", volume_size=volume_size)
        volumes = [Path(path) for path in result.get("volumes", [result["archive"]])]
        assert sorted((tmp_path / "out").glob("*.tar")) == sorted(volumes)
        assert volume_size is None or all(path.stat().st_size <= volume_size for path in volumes)
        found = {name: data for path in volumes for name, data in members(path).items()}
        assert len(found) == 1 + 4 * 12
        sizes.append(len(volumes))
    assert sizes[0] == sizes[4] == 1
    assert sizes[2] > sizes[1] == sizes[3] > 1


def test_a_wrong_height_is_seen_like_a_wrong_width(project: Path, tmp_path: Path) -> None:
    for width, height in ((41, 30), (40, 31), (30, 40)):
        (project / "ds0/img/0003.png").write_bytes(picture(3, width, height))
        with pytest.raises(BadItemsError, match=f"{width}x{height} pixels .* for 40x30"):
            run(project, tmp_path / "out", layer(masks_human=False))


# parts of another machine, and of before


def test_parts_that_another_machine_wrote_are_hashed_once_and_only_used_whole(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, there = job_of(project), open_storage(str(tmp_path / "out"))
    there.boot_id = "anothermachine"
    files = plan_of(job, there)
    (batch,) = make_batches(files, 1)
    render_batch(job, there, files, batch, threading.Event(), Progress())
    here = open_storage(str(tmp_path / "out"))
    hashed = []
    stream = type(here).stream

    def counted(self: Any, path: str, *rest: Any) -> Any:
        hashed.append(path)
        return stream(self, path, *rest)

    monkeypatch.setattr(type(here), "stream", counted)
    written = sorted((tmp_path / "out" / WORK).glob("*.tar"))
    content = bytearray(written[0].read_bytes())
    content[600] ^= 1
    written[0].write_bytes(content)
    for _ in range(3):
        found = parts.find_receipts(here, "export", work_files(here, "export"))
    assert {receipt.head.file for receipt in found} == {path.name for path in written[1:]}
    assert [receipt.first for receipt in found] == sorted(receipt.first for receipt in found)
    tars = [path for path in hashed if path.endswith(".tar")]
    assert len(tars) == 3 * (len(written) - 1) + 3  # three items a part; the damaged one is looked at each time


def test_a_receipt_that_names_a_file_elsewhere_is_not_believed(project: Path, tmp_path: Path) -> None:
    job, storage = job_of(project), open_storage(str(tmp_path / "out"))
    files = plan_of(job, storage)
    (batch,) = make_batches(files, 1)
    render_batch(job, storage, files, batch, threading.Event(), Progress())
    receipt = min((tmp_path / "out" / WORK).glob("*.receipt"))
    first, _, rest = receipt.read_bytes().partition(b"\n")
    raw = json.loads(first)
    path = f"{WORK}/{receipt.name}"
    assert path in {one.path for one in parts.find_receipts(storage, "export", work_files(storage, "export"))}
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    for change in ({"file": "../../../secret"}, {"end": -1}, {"first": {**raw["first"], "name": 7}}):
        receipt.write_bytes(json.dumps(raw | change).encode() + b"\n" + rest)
        assert path not in {one.path for one in parts.find_receipts(storage, "export", work_files(storage, "export"))}
    (tmp_path / "out" / WORK / raw["file"]).unlink()
    receipt.write_bytes(first + b"\n" + rest)
    assert path not in {one.path for one in parts.find_receipts(storage, "export", work_files(storage, "export"))}


# the budget of pixels


def test_the_pixel_budget_lets_everybody_through_in_the_end() -> None:
    budget = Budget(100)
    done: list[int] = []

    def work(ticket: int, pixels: int) -> None:
        budget.reserve(ticket, pixels)
        time.sleep(0.001)
        budget.skip(ticket)
        budget.shrink(ticket, pixels // 10)
        budget.release(ticket)
        done.append(ticket)

    sizes = [60, 60, 1000, 1, 100, 99, 2, 5000, 50, 50]
    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(sizes)]
    for thread in reversed(threads):
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(done) == list(range(len(sizes)))
    assert budget._used == 0


def test_pictures_larger_than_the_budget_go_through_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "PIXELS", 500)
    monkeypatch.setattr(rendering, "GROUP_ITEMS", 1)
    project = make_project(tmp_path / "p", items=6)
    (project / "ds0/img/0002.png").write_bytes(b"")
    result: list[Any] = []
    work = threading.Thread(
        target=lambda: result.append(run(project, tmp_path / "out", on_bad_item="skip", workers=4)), daemon=True
    )
    work.start()
    work.join(60)
    assert result
    assert exported(result[0]) == 5


def test_a_project_without_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no picture"):
        run(make_project(tmp_path / "p", items=0), tmp_path / "out")


def test_the_classes_of_the_samples_are_those_of_the_layer() -> None:
    assert {entry["title"] for entry in CLASSES} == set(GRAYS)
