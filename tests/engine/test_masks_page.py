"""docs/masks.md: its pictures are what its script makes, its code runs, and what it says of files is so."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.settings.mask_options import MaskOptions
from tests.tools import masks_page

TEXT = masks_page.PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    masks_page.make_archives(made)
    return made


def test_the_pictures_of_the_page_are_those_that_the_script_makes(folder: Path) -> None:
    made = masks_page.pictures(folder)
    there = {path.name: path.read_bytes() for path in masks_page.IMAGES.iterdir()}
    assert sorted(there) == sorted(made), "run python tests/tools/masks_page.py"
    assert sum(map(len, there.values())) < 600_000
    for name, content in made.items():
        wanted, found = (
            cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED) for one in (content, there[name])
        )
        assert wanted.shape == found.shape, name
        assert wanted.dtype == found.dtype, name
        if name.endswith(".png"):
            assert (wanted == found).all(), name
        else:  # encoders of JPEG differ from one version to the next
            assert cv2.PSNR(wanted, found) > 35, name


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    shown = set(re.findall(r"\(images/masks/([\w.]+)\)", TEXT))
    assert shown == {path.name for path in masks_page.IMAGES.iterdir()}
    for target in re.findall(r"\]\(#([\w-]+)\)", TEXT):
        assert target.replace("-", " ") in TEXT.lower()


def test_every_option_of_masks_is_on_the_page() -> None:
    missing = [name for name in MaskOptions.model_fields if f"`{name}" not in TEXT]
    assert not missing


def test_the_code_of_the_page_runs_and_is_three_lines(folder: Path) -> None:
    """That with webdataset and Pillow runs in tests/readers, and is longer by its imports."""
    first, *blocks = masks_page.blocks()
    own = [block for block in blocks if "PIL" not in block]
    assert len(own) == len(blocks) - 2
    assert {len(block.replace("\n\n", "\n").splitlines()) for block in own} == {3}
    found = masks_page.run_blocks(folder, [first, *own])
    item = open_archive(str(folder / "plain.tar"))[masks_page.ITEM]
    assert len(found["plain"]["picture"][0]) == 451
    assert np.array_equal(found["plain"]["picture"], item.picture)
    assert found["palette"]["values"].tolist() == [0, 5, 6, 7]
    assert found["gray16"]["mask"].dtype == np.uint16
    assert np.array_equal(found["gray16"]["mask"], found["gray16"]["same"])
    assert found["auto"]["values"] == {
        "cat": 5, "saucer": 1, "cup": 2, "spoon": 3, "coffee": 4, "eye": 6, "cat face": 7, "person": 8, "camera": 9,
    }  # fmt: skip
    assert found["auto"]["thick"].sum() > 5 * item.pixels["cat face"]
    assert found["small"]["overlay"].shape == (199, 300, 3)
    assert len(found["small"]["jpeg"]) * 25 < len(item.bytes("human"))
    assert set(found["ids"]["masks"]) == {2, 3}
    assert found["files"]["hidden"].sum() >= item.pixels["eye"]
    assert found["semantic"]["classes"]["cat"]["value"] == "5"


def test_what_the_page_says_of_shapes_and_class_maps_is_so(folder: Path) -> None:
    item = open_archive(str(folder / "plain.tar"))[masks_page.ITEM]
    assert item.human.shape == (300, 903, 3)
    assert item.machine.shape == (300, 451)
    root = open_archive(str(folder / "semantic.tar")).root
    for name in ("classes.csv", "labelmap.txt"):
        assert f"```\n{root[name].decode()}```" in TEXT
    semantic = open_archive(str(folder / "semantic.tar"))[masks_page.ITEM].semantic
    assert ((semantic == [112, 224, 0]).all(axis=2)).sum() > 1000, "eyes, which the layer does not list"
