"""Every kind of mask that an export can make, in the Masks tab: values, colours, and what is switched off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Airflow
from tests.browser.helpers import CASE, keep, loaded, task_page
from tests.engine.samples import make_project

LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"leaf": [1, 1, 1], "box": [2, 2, 2]},
        "gt_human_color": {"leaf": [0, 255, 0], "box": [255, 0, 0]},
    },
}
COLORS = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height), found = {};
    for (let at = 0; at < data.length; at += 4) found[data.slice(at, at + 3).join(' ')] = true;
    return Object.keys(found).sort();
}"""


def opened(page: Any, airflow: Airflow, tmp_path: Any, name: str, **options: Any) -> Any:
    """The first item of an export with these options; the dialog."""
    run_id = airflow.export(make_project(tmp_path, 2), name, LAYER, options=options)
    assert airflow.wait(CASE, run_id) == "success"
    page.goto(task_page(airflow.address, run_id))
    loaded(page.locator(".tile img").first)
    page.locator(".tile").first.click()
    dialog = page.locator("dialog")
    dialog.locator("canvas, img").first.wait_for()
    return dialog


def choose(dialog: Any, view: str) -> Any:
    """The canvas of a view."""
    dialog.get_by_label(view, exact=True).check()
    dialog.get_by_text("Point at the mask").wait_for()
    return dialog.locator("canvas")


def told(page: Any, dialog: Any, canvas: Any, x: float, y: float) -> str:
    """What is said of the value at a place, as shares of width and height."""
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    dialog.locator(".value", has_text="x ").wait_for()
    return str(dialog.locator(".value").inner_text())


@pytest.mark.parametrize("png", ["palette", "gray16"])
def test_machine_masks_of_a_palette_and_of_16_bits(page: Any, airflow: Airflow, tmp_path: Any, png: str) -> None:
    dialog = opened(page, airflow, tmp_path, png, machine_png=png)
    canvas = choose(dialog, "Machine mask")
    colored = dialog.get_by_label("classes in their colors")
    assert colored.is_checked() == (png == "palette")  # as other viewers show it
    colored.check()
    assert canvas.evaluate(COLORS) == ["0 0 0", "0 255 0", "255 0 0"]
    colored.uncheck()
    assert canvas.evaluate(COLORS) == ["0 0 0", "128 128 128", "255 255 255"]
    assert told(page, dialog, canvas, 0.01, 0.01) == "x 0, y 0: 0 (background)"
    keep(page, f"kinds-{png}")
    dialog.get_by_role("checkbox", name="box").uncheck()
    assert canvas.evaluate(COLORS) == ["0 0 0", "128 128 128"]


def test_the_places_of_labels_have_their_classes(page: Any, airflow: Airflow, tmp_path: Any) -> None:
    dialog = opened(page, airflow, tmp_path, "ids", instances="ids", semantic=True)
    canvas = choose(dialog, "Instances")
    assert len(canvas.evaluate(COLORS)) == 3
    dialog.get_by_role("group", name="Shown").get_by_text("leaf").wait_for()
    keep(page, "kinds-ids")
    dialog.get_by_role("checkbox", name="leaf").uncheck()
    assert len(canvas.evaluate(COLORS)) == 2
    canvas = choose(dialog, "Semantic mask")
    assert canvas.evaluate(COLORS) == ["0 0 0", "0 255 0", "255 0 0"]
    keep(page, "kinds-semantic")
    dialog.get_by_role("checkbox", name="box").uncheck()
    assert canvas.evaluate(COLORS) == ["0 0 0", "0 255 0"]


def test_a_file_for_each_label(page: Any, airflow: Airflow, tmp_path: Any) -> None:
    dialog = opened(page, airflow, tmp_path, "files", instances="files")
    dialog.get_by_label("Labels", exact=True).check()
    chosen = dialog.get_by_label("Label", exact=True)
    chosen.select_option("instances/box")
    loaded(dialog.locator(".stage img"))
    assert "/files/instances/box?" in dialog.locator(".stage img").get_attribute("src")
    keep(page, "kinds-files")


def test_a_human_mask_that_is_the_overlay_alone_is_compared_with_the_picture(
    page: Any, airflow: Airflow, tmp_path: Any
) -> None:
    dialog = opened(page, airflow, tmp_path, "overlay", human={"layout": "overlay", "format": "png", "alpha": 1})
    canvas = dialog.locator("canvas")
    canvas.wait_for()
    assert canvas.evaluate("canvas => canvas.width / canvas.height") == pytest.approx(40 / 30, abs=0.05)
    dialog.get_by_label("Where the picture ends").fill("0")
    assert {"0 255 0", "255 0 0"} <= set(canvas.evaluate(COLORS))
    dialog.get_by_label("Where the picture ends").fill("100")
    assert not {"0 255 0", "255 0 0"} & set(canvas.evaluate(COLORS))
    keep(page, "kinds-overlay")


def test_shards_with_shares_of_what_was_picked(page: Any, airflow: Airflow, tmp_path: Any) -> None:
    split = {"shares": {"train": 0.5, "val": 0.5}, "seed": "a"}
    dialog = opened(page, airflow, tmp_path, "shards", layout="webdataset", split=split, pick={"labelled": True})
    dialog.get_by_text("share ").wait_for()
    dialog.get_by_label("Machine mask", exact=True).check()
    first = dialog.locator("h2").inner_text()
    page.keyboard.press("ArrowRight")  # goes on, though the choice of the view has the focus
    page.wait_for_function("first => document.querySelector('dialog h2').textContent !== first", arg=first)
    assert dialog.get_by_label("Machine mask", exact=True).is_checked()
    page.keyboard.press("Escape")
    page.get_by_text("0 left out").wait_for()
    page.get_by_label("Share", exact=True).select_option("=val")
    page.get_by_text("1 to 1 of 1 item", exact=True).wait_for()
    page.locator("summary", has_text="Options").click()
    page.get_by_text("webdataset").wait_for()
    keep(page, "kinds-shards")
