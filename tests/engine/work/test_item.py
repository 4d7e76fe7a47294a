"""An item is exported as it is seen, with the masks that were asked for, by the job that it was planned for."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.errors import ArchiveError, Stopped
from airflow_savemasks.engine.image import exif
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.planning.plans import load_plan
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import is_picture
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.image.test_header import tag
from tests.engine.samples import (
    WORK,
    add_item,
    annotation,
    exported,
    job_of,
    layer,
    make_project,
    members,
    plan_of,
    run,
)


@pytest.mark.parametrize(
    ("name", "picture"),
    [("a.png", True), ("a.JPG", True), ("a.b.tiff", True), (".png", False), ("png", False), ("a.", False),
     ("a.gif", False), ("a.png.json", False), ("", False), ("a.jfif", True), ("..png", True)],
)  # fmt: skip
def test_pictures_are_told_by_their_extension(name: str, picture: bool) -> None:
    assert is_picture(name) is picture


def rendered(root: Path, tmp_path: Path) -> tuple[int, list[str]]:
    result = run(root, tmp_path / "out", on_bad_item="skip")
    return exported(result), [skipped["reason"] for skipped in result["skipped"]]


@pytest.mark.parametrize(("height", "width"), [(30, 41), (31, 40), (40, 30)])
def test_an_annotation_of_another_size_is_a_bad_item(tmp_path: Path, height: int, width: int) -> None:
    root = make_project(tmp_path / "p", items=1)
    add_item(root, "x.png", 5, size={"height": height, "width": width})
    items, (reason,) = rendered(root, tmp_path)
    assert items == 1
    assert f"the picture is 40x30 pixels (turned as its EXIF says), the annotation is for {width}x{height}" in reason


def test_a_turned_picture_is_annotated_as_it_is_seen(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=0)
    plain = cv2.imencode(".jpg", np.zeros((30, 40, 3), np.uint8))[1].tobytes()
    body = exif.MARK + tag(6)
    turned = plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]
    for name, size in (("seen.jpg", (40, 30)), ("stored.jpg", (30, 40))):
        (root / "ds0/img" / name).write_bytes(turned)
        content = annotation(1, 30, 30, size={"height": size[0], "width": size[1]}, objects=[])
        (root / "ds0/ann" / f"{name}.json").write_text(json.dumps(content))
    items, (reason,) = rendered(root, tmp_path)
    assert items == 1
    assert "stored.jpg" in reason
    assert "the picture is 30x40 pixels (turned as its EXIF says), the annotation is for 40x30" in reason


def test_only_the_masks_that_were_asked_for_are_made(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=1)
    for raw, kinds in (
        (layer(), ["ann", "img", "masks_human", "masks_machine"]),
        (layer(masks_human=False), ["ann", "img", "masks_machine"]),
        (layer(masks_machine=False), ["ann", "img", "masks_human"]),
    ):
        found = members(run(root, tmp_path / "out", raw)["archive"])
        assert [name.split("/")[1] for name in found if "/" in name] == kinds


def test_a_plan_is_read_only_for_the_job_that_it_was_made_for(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", items=3)
    storage = FolderStorage(tmp_path / "out")
    plan = plan_of(job_of(root), storage).plan
    assert load_plan(job_of(root), storage, plan.name).plan == plan
    with pytest.raises(ArchiveError, match="is another than the one that it was made with. Clear the plan task"):
        load_plan(job_of(root, layer(masks_human=False)), storage, plan.name)
    with storage.writing(f"{WORK}/{'0' * 40}.plan.json") as out:
        out.write(b"{}")
    with pytest.raises(ArchiveError, match="no plan that can be read"):
        load_plan(job_of(root), storage, "0" * 40)


def test_everything_that_a_job_reads_obeys_its_stop(tmp_path: Path) -> None:
    job = job_of(make_project(tmp_path, items=2))
    stop = threading.Event()
    job.watch(stop)
    items = list(list_items(job, Remarks()))
    stop.set()
    with pytest.raises(Stopped):
        job.inputs[0].source.load([items[0].item])
    with pytest.raises(Stopped):
        list(list_items(job, Remarks()))
