"""From a green run to a mask, and what can be done there."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.browser.conftest import Airflow
from tests.browser.helpers import CASE, Clicks, inside, keep, loaded, masks, run_page, task_page
from tests.engine.samples import annotation, make_project


def test_from_the_login_to_a_mask(page_of: Any, airflow: Airflow, green: str) -> None:
    page = page_of(None)
    page.goto(run_page(airflow.address, green))
    page.wait_for_url("**/login**")
    page.get_by_label("Username").fill("admin")
    page.locator("input[type=password]").fill(airflow.passwords["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(run_page(airflow.address, green))
    click = Clicks()
    click(masks(page))
    tile = inside(page).locator(".tile", has_text="ds0/0001.png")
    loaded(tile.locator("img"))
    click.tell("from a green run to the mask of a picture, as a tile", 1)
    keep(page, "run")
    click(tile)
    inside(page).locator("dialog canvas").wait_for()
    click.tell("from a green run to the mask of a picture, as large as the page", 2)
    keep(page, "item")


def test_a_run_of_a_group_shows_the_archive_of_its_last_task(page: Any, airflow: Airflow) -> None:
    run_id = airflow.trigger("fan_out_export")
    assert airflow.wait("fan_out_export", run_id) == "success"
    page.goto(run_page(airflow.address, run_id, "fan_out_export"))
    masks(page).click()
    loaded(inside(page).locator(".tile img").first)
    chosen = inside(page).locator("#task").evaluate("select => select.selectedOptions[0].textContent")
    assert "save_masks.assemble" in chosen
    keep(page, "group")


def test_one_picture_of_12000_x_9000(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    project = make_project(tmp_path, 0)
    slope = np.broadcast_to(np.linspace(0, 255, 12000, dtype=np.uint8)[None, :, None], (9000, 12000, 3))
    (project / "ds0/img/large.jpg").write_bytes(cv2.imencode(".jpg", np.ascontiguousarray(slope))[1].tobytes())
    (project / "ds0/ann/large.jpg.json").write_text(json.dumps(annotation(1, 12000, 9000)))
    run_id = airflow.export(project, "large")
    assert airflow.wait(CASE, run_id) == "success"
    page.goto(task_page(airflow.address, run_id))
    loaded(page.locator(".tile img"))
    page.locator(".tile").click()
    page.locator("dialog canvas").wait_for()
    page.locator("dialog").get_by_label("Machine mask", exact=True).check()
    page.get_by_text("Shown at 4").wait_for()
    box = page.locator("dialog canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    page.get_by_text("x 119").wait_for()


def test_the_tab_of_the_task_itself(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(f"{run_page(airflow.address, green)}/tasks/save_masks")
    masks(page).wait_for()
    page.goto(f"{run_page(airflow.address, green)}/tasks/save_masks/plugin/savemasks")
    loaded(inside(page).locator(".tile img").first)


def test_search_pages_and_filters(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(task_page(airflow.address, green))
    loaded(page.locator(".tile img").first)
    assert "1 to 60 of 72 items" in page.locator("#gallery [role=status]").inner_text()
    page.get_by_label("Next page").click()
    page.get_by_text("61 to 72 of 72 items").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("DS0/0042")
    page.get_by_text("1 to 1 of 1 item", exact=True).wait_for()
    assert page.locator(".tile .name").inner_text() == "ds0/0042.png"
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Dataset").select_option(label="ds1 (2)")
    page.get_by_text("1 to 2 of 2 items").wait_for()
    page.get_by_label("Which items").select_option("unlabelled")
    page.get_by_text("No item fits").wait_for()


def test_one_item_by_keyboard_slider_values_and_legend(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(task_page(airflow.address, green))
    loaded(page.locator(".tile img").first)
    page.locator(".tile").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    dialog.locator("canvas").wait_for()
    first = dialog.locator("h2").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("first => document.querySelector('dialog h2').textContent !== first", arg=first)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("first => document.querySelector('dialog h2').textContent === first", arg=first)
    canvas = dialog.locator("canvas")
    canvas.wait_for()
    before = canvas.evaluate("canvas => canvas.toDataURL()")
    dialog.get_by_label("Where the picture ends").fill("10")
    assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "tile"
    page.keyboard.press("Enter")
    dialog.get_by_label("Machine mask", exact=True).check()
    canvas.wait_for()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    dialog.get_by_text("x 0, y 0:").wait_for()
    lit = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.filter((v, i) => i % 4 < 3 && v).length"
    )
    shown = canvas.evaluate(lit)
    dialog.locator("fieldset input[type=checkbox]").first.uncheck()
    assert canvas.evaluate(lit) < shown
    dialog.get_by_label("Annotation", exact=True).check()
    dialog.get_by_text('"classTitle": "box"').wait_for()


@pytest.mark.parametrize("link", ["Archive", "Manifest", "Index"])
def test_downloads(page: Any, airflow: Airflow, green: str, link: str) -> None:
    """In Airflow's page: its frame has to allow them."""
    page.goto(f"{run_page(airflow.address, green)}/tasks/save_masks/plugin/savemasks")
    ending = {"Archive": "tar", "Manifest": "manifest.json", "Index": "index.jsonl"}[link]
    with page.expect_download() as download:
        inside(page).get_by_role("link", name=link).click()
    assert download.value.suggested_filename == f"green.{ending}"
    content = Path(download.value.path()).read_bytes()
    assert content == (airflow.home / f"team_files/green.{ending}").read_bytes()


def test_one_item_as_a_zip(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(task_page(airflow.address, green))
    page.locator(".tile").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="all of them as a zip").click()
    assert download.value.suggested_filename == "ds0_0000.png.zip"
    with zipfile.ZipFile(download.value.path()) as packed:
        assert "ds0/img/0000.png" in packed.namelist()
        assert len(packed.namelist()) == 4
