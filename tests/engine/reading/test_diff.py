"""What changed from one archive to the next."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.reading.diff import Diff, ItemChange
from airflow_savemasks.engine.reading.diff_page import _jpeg, diff_page
from tests.engine.samples import add_item, layer, make_project, picture, run

BOX = {"classTitle": "box", "tags": [], "points": {"exterior": [[0, 0], [9, 9]], "interior": []}}
WIDE = {"classTitle": "box", "tags": [], "points": {"exterior": [[0, 0], [19, 9]], "interior": []}}
LEAF = {"classTitle": "leaf", "tags": [], "points": {"exterior": [[20, 5], [30, 5], [30, 12]], "interior": []}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = make_project(tmp_path / "project", items=0)
    for number in range(6):
        add_item(root, f"{number}.png", number, objects=[BOX])
    return root


def archive(project: Path, out: Path, dst: str, **options: Any) -> Any:
    return open_archive(run(project, out, layer(dst=dst), **options)["archive"])


@pytest.fixture
def diff(project: Path, tmp_path: Path) -> Diff:
    """0 gone, 1 with a wider box, 2 with another picture, 3 with one more label, 6 new; 4 and 5 as they were."""
    old = archive(project, tmp_path / "out", "old")
    (project / "ds0" / "img" / "0.png").unlink()
    (project / "ds0" / "ann" / "0.png.json").unlink()
    add_item(project, "1.png", 1, objects=[WIDE])
    (project / "ds0" / "img" / "2.png").write_bytes(picture(99))
    add_item(project, "3.png", 3, objects=[BOX, LEAF])
    add_item(project, "6.png", 6, objects=[BOX])
    return Diff(old, archive(project, tmp_path / "out", "new"))


def test_items_are_added_removed_changed_or_the_same(diff: Diff) -> None:
    told = diff.to_json()
    assert told["items"] == {"before": 6, "after": 6, "added": 1, "removed": 1, "changed": 3, "same": 2}
    assert (told["added"], told["removed"]) == (["ds0/6.png"], ["ds0/0.png"])
    assert told["labels"] == [6, 7]
    assert (told["old"], told["new"]) == (diff.old.uri, diff.new.uri)


def test_of_changed_items_those_come_first_whose_pixels_moved_most_with_what_changed(diff: Diff) -> None:
    assert diff.to_json()["most_changed"] == [
        {
            "item": "ds0/1.png",
            "change": "changed",
            "what": ["annotation", "human", "machine"],
            "moved": round(100 / 1200, 6),
            "pixels": {"box": [100, 200]},
        },
        {
            "item": "ds0/3.png",
            "change": "changed",
            "what": ["annotation", "human", "machine"],
            "moved": round(49 / 1200, 6),
            "pixels": {"leaf": [0, 49]},
        },
        {"item": "ds0/2.png", "change": "changed", "what": ["picture", "human"], "moved": 0.0, "pixels": {}},
    ]


def test_classes_have_their_items_and_shares_of_the_pixels_before_and_after(diff: Diff) -> None:
    assert {one["name"]: one for one in diff.to_json()["classes"]} == {
        "leaf": {"name": "leaf", "items": [0, 1], "pixels": [0, 49], "share": [0.0, round(49 / 749, 6)]},
        "box": {"name": "box", "items": [6, 6], "pixels": [600, 700], "share": [1.0, round(700 / 749, 6)]},
    }


def test_a_class_that_one_archive_does_not_know_has_no_figures_there(project: Path, tmp_path: Path) -> None:
    old = archive(project, tmp_path / "out", "old")
    meta = json.loads((project / "meta.json").read_text())
    meta["classes"].append({"title": "new", "shape": "any", "color": "#123456"})
    (project / "meta.json").write_text(json.dumps(meta))
    told = Diff(old, archive(project, tmp_path / "out", "new")).to_json()
    assert told["classes"][-1] == {"name": "new", "items": [None, 0], "pixels": [None, 0], "share": [None, 0.0]}
    assert told["items"]["same"] == 6


def test_an_archive_rendered_anew_to_the_same_bytes_has_not_changed(project: Path, tmp_path: Path) -> None:
    old = archive(project, tmp_path / "out", "old")
    told = Diff(old, archive(project, tmp_path / "out", "new", reuse=False)).to_json()
    assert told["items"] == {"before": 6, "after": 6, "added": 0, "removed": 0, "changed": 0, "same": 6}
    assert list(Diff(old, old).changes()) == []


def test_an_item_that_only_got_another_name_is_told_with_the_old_one(project: Path, tmp_path: Path) -> None:
    old = archive(project, tmp_path / "out", "old")
    (project / "ds0" / "img" / "1.jpg").write_bytes(picture(50))
    new = archive(project, tmp_path / "out", "new")
    changes = {change.item: change for change in Diff(old, new).changes()}
    assert set(changes) == {"ds0/1.jpg", "ds0/1_1.png"}
    assert changes["ds0/1_1.png"].to_json() == {
        "item": "ds0/1_1.png", "change": "changed", "what": ["name"], "moved": 0.0, "was": "ds0/1.png", "pixels": {},
    }  # fmt: skip


def test_names_that_sort_otherwise_than_their_datasets_paths_are_found(tmp_path: Path) -> None:
    """`a-b` comes before `a/b` as text, and after it in an archive."""
    root = make_project(tmp_path / "project", items=1, dataset="a")
    for dataset in ("a-b", "a/datasets/b"):
        make_project(root, items=1, dataset=dataset)
    old = archive(root, tmp_path / "out", "old")
    add_item(root, "9.png", 9, "a-b")
    told = Diff(old, archive(root, tmp_path / "out", "new")).to_json()
    assert (told["items"]["same"], told["added"]) == (3, ["a-b/9.png"])


def test_only_the_first_and_the_most_changed_are_held_and_all_are_counted() -> None:
    class Few(Diff):
        def __init__(self) -> None:
            self.old = self.new = type(
                "A", (), {"uri": "", "manifest": {"totals": {"labels": 0}, "classes": []}, "__len__": lambda _: 90}
            )()

        def changes(self):
            for number in range(30):
                yield ItemChange("changed", f"c{number}", f"c{number}", ["picture"], number / 100, {})
                yield ItemChange("added", f"a{number}", f"a{number}", [], 1.0, {})

    told = Few().to_json()
    assert told["items"] == {"before": 90, "after": 90, "added": 30, "removed": 0, "changed": 30, "same": 30}
    assert [one["item"] for one in told["most_changed"]] == [f"c{number}" for number in range(29, 9, -1)]
    assert told["added"] == [f"a{number}" for number in range(20)]


def test_the_page_shows_masks_side_by_side_and_needs_nothing_else(diff: Diff) -> None:
    page = diff_page(diff, diff.to_json())
    images = [b64decode(data) for data in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)]
    assert len(images) == 2 * 3 + 1 + 1
    shown = cv2.imdecode(np.frombuffer(images[1], np.uint8), cv2.IMREAD_COLOR)
    wanted = diff.new["ds0/1.png"].human
    assert shown.shape == wanted.shape
    near, far = (cv2.blur(one.astype(np.float64), (9, 9)) for one in (shown[:, :, ::-1], wanted))
    assert np.abs(near - far).mean() < 6  # noise as a JPEG
    assert np.abs(near - cv2.blur(diff.old["ds0/1.png"].human.astype(np.float64), (9, 9))).max() > 30
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    assert "box: 100 → 200" in page


def test_names_on_the_page_are_text(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=0)
    name = "<img src=x onerror=alert(1)>.png"
    add_item(root, name, 1, objects=[BOX])
    old = archive(root, tmp_path / "out", "old")
    add_item(root, name, 1, objects=[WIDE])
    diff = Diff(old, archive(root, tmp_path / "out", "new"))
    page = diff_page(diff, diff.to_json())
    assert "onerror" in page
    assert "<img src=x" not in page


def test_large_masks_are_shown_smaller_and_archives_without_human_masks_by_their_pictures(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=0)
    (root / "ds0" / "img" / "a.png").write_bytes(picture(1, 2000, 1000))
    sized = {"size": {"height": 1000, "width": 2000}, "tags": [], "objects": [BOX]}
    (root / "ds0" / "ann" / "a.png.json").write_text(json.dumps(sized))
    raw = layer(masks_human=False)
    old = open_archive(run(root, tmp_path / "out", {**raw, "dst": "old"})["archive"])
    (root / "ds0" / "ann" / "a.png.json").write_text(json.dumps({**sized, "objects": [WIDE]}))
    diff = Diff(old, open_archive(run(root, tmp_path / "out", {**raw, "dst": "new"})["archive"]))
    (first, _) = re.findall(r'base64,([^"]+)"', diff_page(diff, diff.to_json()))
    assert cv2.imdecode(np.frombuffer(b64decode(first), np.uint8), cv2.IMREAD_COLOR).shape == (320, 640, 3)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -5.0, 3e38])
def test_pictures_of_odd_floats_are_shown(odd: float, project: Path, tmp_path: Path) -> None:
    pixels = np.full((30, 40), 0.5, np.float32)
    pixels[0, 0] = odd
    (project / "ds0" / "img" / "1.png").rename(project / "ds0" / "img" / "1.tiff")
    (project / "ds0" / "ann" / "1.png.json").rename(project / "ds0" / "ann" / "1.tiff.json")
    (project / "ds0" / "img" / "1.tiff").write_bytes(cv2.imencode(".tiff", pixels)[1].tobytes())
    opened = open_archive(run(project, tmp_path / "out", layer(masks_human=False))["archive"])
    shown = cv2.imdecode(np.frombuffer(_jpeg(opened["ds0/1.tiff"].picture), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert shown[20, 20] == (pytest.approx(127, abs=3) if odd != np.float32(3e38) else 0)


def test_the_verb_writes_json_a_page_and_all_items(
    diff: Diff, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, items = tmp_path / "diff.html", tmp_path / "items.jsonl"
    words = ["diff", diff.old.uri, diff.new.uri, "--html", str(page), "--items", str(items)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == diff.to_json()
    assert "6 -> 6 items: 1 added, 1 removed, 3 changed, 2 same" in said.err
    assert "box    6             6      100.00 %                93.46 %" in said.err.splitlines()
    assert page.read_text() == diff_page(diff, diff.to_json())
    changes = [json.loads(line) for line in items.read_text().splitlines()]
    assert [one["change"] for one in changes] == ["removed", "changed", "changed", "changed", "added"]
    assert (changes[0]["pixels"], changes[-1]["pixels"]) == ({"box": [100, 0]}, {"box": [0, 100]})
    assert main(["diff", diff.old.uri, str(tmp_path / "nobody.tar")]) == 1
    assert "no such archive" in capsys.readouterr().err
    assert main([*words[:3], "--items", str(tmp_path / "no" / "x")]) == 2
