"""An archive of 100,000 items."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.browser.conftest import Airflow
from tests.browser.helpers import CASE, FIGURES, SLOW, Clicks, inside, keep, loaded, masks, run_page, task_page
from tests.engine.samples import make_project
from tests.tools.many import multiply

ITEMS = 100_000


def test_a_hundred_thousand_items(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(make_project(tmp_path, 10), "hundred thousand")
    assert airflow.wait(CASE, run_id) == "success"
    multiply(FolderStorage(airflow.home / "team_files"), "hundred thousand", ITEMS)
    page.goto("about:blank")
    began = time.monotonic()
    page.goto(task_page(airflow.address, run_id))
    loaded(page.locator(".tile img").first)
    took = time.monotonic() - began
    FIGURES.append(f"the first page of {ITEMS:,} items, not open yet: {took:.2f} s until its first mask is there")
    assert took < SLOW, FIGURES[-1]
    page.get_by_text("1 to 60 of 100,000 items").wait_for()
    page.get_by_label("Last page").click()
    page.get_by_text("99,961 to 100,000 of 100,000 items").wait_for()
    loaded(page.locator(".tile img").last)
    assert page.locator(".tile .name").last.inner_text() == "ds3/099999.png"
    page.get_by_label("Page", exact=True).fill("834")
    page.keyboard.press("Enter")
    page.get_by_text("49,981 to 50,040 of 100,000 items").wait_for()
    began = time.monotonic()
    page.get_by_label("Search by name").fill("ds3/0999")
    page.get_by_text("1 to 60 of 100 items").wait_for()
    FIGURES.append(f"a search in {ITEMS:,} items: {time.monotonic() - began:.2f} s from the last letter")
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Dataset").select_option(label="ds1 (25,000)")
    page.get_by_text("1 to 60 of 25,000 items").wait_for()


def test_one_picture_of_a_hundred_thousand_takes_two_clicks(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(make_project(tmp_path, 10), "hundred thousand more")
    assert airflow.wait(CASE, run_id) == "success"
    multiply(FolderStorage(airflow.home / "team_files"), "hundred thousand more", ITEMS)
    page.goto(run_page(airflow.address, run_id))
    click = Clicks()
    click(masks(page))
    click(inside(page).get_by_label("Search by name"))
    page.keyboard.type("ds3/077777")
    tile = inside(page).locator(".tile", has_text="ds3/077777.png")
    loaded(tile.locator("img"))
    assert inside(page).locator(".tile").count() == 1
    click.tell(f"from a green run to the mask of picture X of {ITEMS:,}, by its name", 2)
    keep(page, "many")
