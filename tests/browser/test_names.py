"""A project whose every name is quotes, HTML and Cyrillic: all of it is text, and nothing runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser.conftest import Airflow
from tests.browser.helpers import CASE, inside, keep, loaded, masks, run_page
from tests.engine.samples import LAYER, add_item, make_project

HTML = "<img src=x onerror=alert(1)>"
QUOTES = "кот «Ё» 'a' \"b\" & `c`"
CLASSES = [f"{HTML} class", f"{QUOTES} класс"]
DATASET = f"{HTML} {QUOTES}"
FILES = [f"{HTML}.png", f"{QUOTES}.png"]
DST = f"{HTML} {QUOTES} архив"
SETTINGS = LAYER["settings"]
COLORED = {
    **LAYER,
    "settings": {
        **SETTINGS,
        "gt_human_color": {CLASSES[0]: [255, 0, 0], CLASSES[1]: [0, 0, 255]},
        "gt_machine_color": {CLASSES[0]: [50, 50, 50], CLASSES[1]: [90, 90, 90]},
    },
}


def hostile(project: Path) -> Path:
    """Two good items, one with a class that is none, and one with a picture that is none."""
    make_project(project, 0, DATASET)
    shapes = [{"title": title, "shape": "polygon", "color": "#00FF00"} for title in CLASSES]
    (project / "meta.json").write_text(json.dumps({"classes": shapes, "tags": []}))
    triangle = {"exterior": [[2, 2], [35, 5], [20, 25]], "interior": []}
    for number, (title, name) in enumerate(zip(CLASSES, FILES, strict=True)):
        objects = [{"classTitle": title, "tags": [], "points": triangle}]
        add_item(project, name, number, DATASET, objects=objects)
    wrong = [{"classTitle": f"{HTML} unknown", "tags": [], "points": triangle}]
    add_item(project, f"wrong {HTML}.png", 3, DATASET, objects=wrong)
    add_item(project, f"broken {HTML}.png", 4, DATASET, objects=[])
    (project / DATASET / "img" / f"broken {HTML}.png").write_bytes(b"<svg onload=alert(1)>")
    return project


def open_tab(page: Any, airflow: Airflow, run_id: str) -> Any:
    page.goto(run_page(airflow.address, run_id))
    masks(page).click()
    return inside(page)


def nothing_ran(page: Any) -> None:
    """No element was made of a name. That none was run is what the fixture of the page looks at."""
    for frame in page.frames:
        assert frame.locator("img[src=x], svg[onload]").count() == 0


def test_names_are_texts_wherever_they_are_shown(page_of: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(hostile(tmp_path / "project"), DST, COLORED, on_bad_item="skip")
    assert airflow.wait(CASE, run_id) == "success"
    page = page_of(bypass_csp=True)  # so that not the policy alone keeps it from running
    frame = open_tab(page, airflow, run_id)
    page.get_by_text(f"{DST}.tar: 2 items, 2 skipped").first.wait_for()  # the note
    for name in FILES:
        loaded(frame.locator(".tile", has_text=f"{DATASET}/{name}").locator("img"))
    frame.locator("summary", has_text="2 classes").click()
    for title in CLASSES:
        frame.get_by_role("button", name=title, exact=True).wait_for()
    assert f"{DATASET} (2)" in frame.get_by_label("Dataset").inner_text()
    frame.get_by_label("Dataset").select_option(label=f"{DATASET} (2)")
    frame.get_by_label("Search by name").fill("ONERROR")
    frame.get_by_text("1 to 2 of 2 items").wait_for()
    frame.get_by_label("Class", exact=True).select_option(label=f"{CLASSES[1]} (1)")
    frame.get_by_text("1 to 1 of 1 item", exact=True).wait_for()
    keep(page, "names")
    frame.locator(".tile").click()
    dialog = frame.locator("dialog")
    dialog.locator("canvas").wait_for()
    assert dialog.locator("h2").inner_text() == f"{DATASET}/{FILES[1]}"
    dialog.get_by_label("Machine mask", exact=True).check()
    dialog.locator("label", has_text=CLASSES[0]).wait_for()
    dialog.get_by_label("Annotation", exact=True).check()
    dialog.locator("pre").wait_for()
    dialog.get_by_label("Close").click()
    frame.get_by_label("Search by name").fill("")
    frame.get_by_label("Which items").select_option("skipped")
    frame.get_by_text("2 items skipped").wait_for()
    frame.get_by_text(f"{HTML} unknown").first.wait_for()
    nothing_ran(page)


def test_bad_items_are_texts(page_of: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(hostile(tmp_path / "project"), f"red {DST}", COLORED)
    assert airflow.wait(CASE, run_id) == "failed"
    page = page_of(bypass_csp=True)
    frame = open_tab(page, airflow, run_id)
    frame.get_by_text("2 bad items: nothing was published").wait_for()
    frame.get_by_text(f"{DATASET}/broken {HTML}.png", exact=True).wait_for()
    frame.get_by_text(f"{HTML} unknown").first.wait_for()
    keep(page, "names-red")
    nothing_ran(page)
