"""From a green run to a mask, and from a red one to its cause, as a person does it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from tests.browser.conftest import PICTURES, Airflow
from tests.engine.samples import LAYER, add_item, annotation, make_project, picture

CYRILLIC, HTML = "кот «Ё» 'x'.png", "<img src=x onerror=alert(1)>.png"


class Clicks:
    """Clicks, counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, locator: Any) -> None:
        self.count += 1
        locator.click()


def run_page(airflow: Airflow, run_id: str, dag_id: str = "browser_case") -> str:
    return f"{airflow.address}/dags/{dag_id}/runs/{quote(run_id, safe='')}"


def task_page(airflow: Airflow, run_id: str, dag_id: str = "browser_case") -> str:
    return f"{airflow.address}/savemasks/dags/{dag_id}/runs/{quote(run_id, safe='')}/tasks/save_masks/%7BMAP_INDEX%7D"


def loaded(locator: Any) -> None:
    """Wait until an image is there, and is one."""
    locator.wait_for()
    locator.evaluate("image => image.decode()")
    assert locator.evaluate("image => image.naturalWidth") > 0


@pytest.fixture(scope="module")
def green(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose project has names that hurt, and 70 items more."""
    project = make_project(tmp_path_factory.mktemp("names"), 70)
    make_project(project, 2, "ds1")
    add_item(project, CYRILLIC, 7)
    add_item(project, HTML, 8)
    meta = json.loads((project / "meta.json").read_text())
    meta["classes"].append({"title": "<b>bold</b>", "shape": "polygon", "color": "#0000FF"})
    (project / "meta.json").write_text(json.dumps(meta))
    run_id = airflow.trigger("browser_case", {"project": str(project), "layer": {**LAYER, "dst": "names"}})
    assert airflow.wait("browser_case", run_id) == "success"
    return run_id


@pytest.fixture(scope="module")
def red(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> str:
    project = make_project(tmp_path_factory.mktemp("red"), 3)
    (project / "ds0/img/0001.png").write_bytes(b"<script>alert(1)</script>")
    run_id = airflow.trigger("browser_case", {"project": str(project), "layer": {**LAYER, "dst": "red"}})
    assert airflow.wait("browser_case", run_id) == "failed"
    return run_id


def test_from_the_login_to_a_mask(chromium: Any, airflow: Airflow, green: str) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(run_page(airflow, green))
    page.wait_for_url("**/login**")
    page.get_by_label("Username").fill(airflow.user)
    page.locator("input[type=password]").fill(airflow.password)
    page.get_by_role("button", name="Sign in").click()
    page.goto(run_page(airflow, green))
    click = Clicks()
    page.get_by_role("link", name="Masks", exact=True).wait_for()
    began = time.monotonic()
    click(page.get_by_role("link", name="Masks", exact=True))
    frame = page.frame_locator("iframe[title=Masks]")
    loaded(frame.locator(".tile img").first)
    assert click.count == 1  # the mask of a picture can be seen
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "seconds.txt").write_text(f"{time.monotonic() - began:.1f} s from the click to the first mask\n")
    page.screenshot(path=PICTURES / "run.png")
    click(frame.locator(".tile").nth(1))
    frame.locator("dialog canvas").wait_for()
    assert click.count == 2
    page.screenshot(path=PICTURES / "item.png")
    context.close()


def test_a_run_of_a_group_shows_the_archive_of_its_last_task(page: Any, airflow: Airflow) -> None:
    run_id = airflow.trigger("fan_out_export")
    assert airflow.wait("fan_out_export", run_id) == "success"
    page.goto(run_page(airflow, run_id, "fan_out_export"))
    page.get_by_role("link", name="Masks", exact=True).click()
    frame = page.frame_locator("iframe[title=Masks]")
    loaded(frame.locator(".tile img").first)
    assert "save_masks.assemble" in frame.locator("#task").evaluate("select => select.selectedOptions[0].textContent")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / "group.png")


def test_one_picture_of_12000_x_9000(page: Any, airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = make_project(tmp_path_factory.mktemp("large"), 0)
    slope = np.broadcast_to(np.linspace(0, 255, 12000, dtype=np.uint8)[None, :, None], (9000, 12000, 3))
    (project / "ds0/img/large.jpg").write_bytes(cv2.imencode(".jpg", np.ascontiguousarray(slope))[1].tobytes())
    (project / "ds0/ann/large.jpg.json").write_text(json.dumps(annotation(1, 12000, 9000)))
    run_id = airflow.trigger("browser_case", {"project": str(project), "layer": {**LAYER, "dst": "large"}})
    assert airflow.wait("browser_case", run_id) == "success"
    page.goto(task_page(airflow, run_id))
    loaded(page.locator(".tile img"))
    page.locator(".tile").click()
    page.locator("dialog canvas").wait_for(timeout=60_000)
    page.locator("dialog").get_by_label("Machine mask", exact=True).check()
    page.get_by_text("Shown at 4").wait_for(timeout=60_000)
    box = page.locator("dialog canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    page.get_by_text("x 119").wait_for()


def test_the_tab_of_the_task_itself(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(f"{run_page(airflow, green)}/tasks/save_masks")
    page.get_by_role("link", name="Masks", exact=True).first.wait_for()
    page.goto(f"{run_page(airflow, green)}/tasks/save_masks/plugin/savemasks")
    loaded(page.frame_locator("iframe[title=Masks]").locator(".tile img").first)


def test_search_pages_and_filters(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(task_page(airflow, green))
    loaded(page.locator(".tile img").first)
    status = page.locator("#gallery [role=status]")
    assert "1 to 60 of 74 items" in status.inner_text()
    page.get_by_label("Next page").click()
    page.get_by_text("61 to 74 of 74 items").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("<IMG")
    page.get_by_text("1 to 1 of 1 item", exact=True).wait_for()
    assert page.locator(".tile .name").inner_text() == f"ds0/{HTML}"
    page.get_by_label("Search by name").fill("кот")
    page.get_by_text(f"ds0/{CYRILLIC}", exact=True).first.wait_for()
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Dataset").select_option(label="ds1 (2)")
    page.get_by_text("1 to 2 of 2 items").wait_for()
    page.get_by_label("Class", exact=True).select_option(index=3)
    page.get_by_text("No item fits").wait_for()


def test_one_item_by_keyboard_slider_values_and_legend(page: Any, airflow: Airflow, green: str) -> None:
    page.goto(task_page(airflow, green))
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


def test_downloads(page: Any, airflow: Airflow, green: str, tmp_path: Path) -> None:
    page.goto(task_page(airflow, green))
    with page.expect_download() as download:
        page.get_by_role("link", name="Manifest").click()
    assert json.loads(Path(download.value.path()).read_text())["totals"]["items"] == 74
    page.locator(".tile").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="all of them as a zip").click()
    assert shutil.which("unzip") is None or download.value.suggested_filename.endswith(".zip")


def test_from_a_red_run_to_its_cause(page: Any, airflow: Airflow, red: str) -> None:
    page.goto(run_page(airflow, red))
    click = Clicks()
    click(page.get_by_role("link", name="Masks", exact=True))
    frame = page.frame_locator("iframe[title=Masks]")
    frame.get_by_text("1 bad item: nothing was published").wait_for()
    frame.get_by_text("ds0/0001.png", exact=True).wait_for()
    assert click.count <= 3
    page.screenshot(path=PICTURES / "red.png")


def test_nothing_without_a_login(chromium: Any, airflow: Airflow, green: str) -> None:
    context = chromium.new_context()
    answer = context.new_page().goto(task_page(airflow, green))
    assert answer.status == 401
    context.close()


def test_progress_is_seen_while_the_task_runs(
    page: Any, airflow: Airflow, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = make_project(tmp_path_factory.mktemp("many"), 0)
    (project / "one.png").write_bytes(picture(1, 400, 300))
    (project / "one.json").write_text(json.dumps(annotation(1, 400, 300)))
    for number in range(int(os.environ.get("MANY", "4000"))):
        os.link(project / "one.png", project / f"ds0/img/{number:06d}.png")
        os.link(project / "one.json", project / f"ds0/ann/{number:06d}.png.json")
    (project / "one.png").unlink()
    (project / "one.json").unlink()
    run_id = airflow.trigger("browser_case", {"project": str(project), "layer": {**LAYER, "dst": "many"}})
    page.goto(task_page(airflow, run_id))
    page.locator("#progress .figure", has_text="items").wait_for(timeout=120_000)
    page.screenshot(path=PICTURES / "progress.png")
    loaded_within = 180_000
    page.locator(".tile img").first.wait_for(timeout=loaded_within)
    assert airflow.wait("browser_case", run_id) == "success"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshots_in_both_themes_and_at_the_width_of_a_phone(
    chromium: Any, airflow: Airflow, green: str, theme: str
) -> None:
    run_id = airflow.trigger("ingest_then_save_masks")
    assert airflow.wait("ingest_then_save_masks", run_id) == "success"
    for name, width in (("wide", 1400), ("phone", 400)):
        context = chromium.new_context(viewport={"width": width, "height": 850}, color_scheme=theme)
        context.add_cookies([{"name": "_token", "value": airflow.token, "url": airflow.address}])
        page = context.new_page()
        page.goto(task_page(airflow, run_id, "ingest_then_save_masks"))
        for tile in page.locator(".tile img").all():
            loaded(tile)
        page.locator("summary", has_text="classes").click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"gallery-{theme}-{name}.png")
        page.locator(".tile").first.click()
        page.locator("dialog canvas").wait_for()
        page.screenshot(path=PICTURES / f"item-{theme}-{name}.png")
        page.locator("dialog").get_by_label("Machine mask", exact=True).check()
        page.locator("dialog canvas").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=PICTURES / f"machine-{theme}-{name}.png")
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Any, airflow: Airflow, green: str, red: str, theme: str) -> None:
    axe = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
    if not axe.exists():
        pytest.skip("npm install axe-core, and say where in AXE")
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, color_scheme=theme, bypass_csp=True)
    context.add_cookies([{"name": "_token", "value": airflow.token, "url": airflow.address}])
    page = context.new_page()

    def check() -> None:
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run().then(told => told.violations)")
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []

    page.goto(task_page(airflow, green))
    loaded(page.locator(".tile img").first)
    page.locator("summary", has_text="classes").click()
    check()
    page.locator(".tile").first.click()
    page.locator("dialog").get_by_label("Machine mask", exact=True).check()
    page.locator("dialog canvas").wait_for()
    check()
    page.goto(task_page(airflow, red))
    page.get_by_text("bad item").first.wait_for()
    check()
    context.close()
