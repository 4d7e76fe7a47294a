"""How it looks, light and dark, wide and on a phone, and to those who do not see it: look at the pictures yourself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Airflow
from tests.browser.helpers import inside, keep, loaded, run_page, task_page

SAMPLE = "ingest_then_save_masks"


@pytest.fixture(scope="module")
def sample(airflow: Airflow) -> str:
    run_id = airflow.trigger(SAMPLE)
    assert airflow.wait(SAMPLE, run_id) == "success"
    return run_id


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("wide", 1400), ("phone", 400)])
def test_screenshots_in_both_themes_and_at_the_width_of_a_phone(
    page_of: Any, airflow: Airflow, sample: str, red: str, theme: str, name: str, width: int
) -> None:
    page = page_of(viewport={"width": width, "height": 850}, color_scheme=theme)
    fits = "document.documentElement.scrollWidth <= innerWidth"

    def picture(what: str) -> None:
        assert page.evaluate(fits), what
        keep(page, f"{what}-{theme}-{name}")

    page.goto(task_page(airflow.address, sample, SAMPLE))
    loaded(page.locator(".tile img").first)
    for tile in page.locator(".tile img").all():
        loaded(tile)
    picture("gallery")
    page.locator("summary", has_text="classes").click()
    picture("classes")
    page.locator(".tile").first.click()
    page.locator("dialog canvas").wait_for()
    picture("item")
    page.locator("dialog").get_by_label("Machine mask", exact=True).check()
    page.locator("dialog canvas").wait_for()
    picture("machine")
    page.goto(task_page(airflow.address, red))
    page.get_by_text("bad item").first.wait_for()
    picture("red")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_one_that_airflow_is_set_to(page_of: Any, airflow: Airflow, sample: str, theme: str) -> None:
    page = page_of(color_scheme={"light": "dark", "dark": "light"}[theme])
    page.goto(airflow.address)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.goto(f"{run_page(airflow.address, sample, SAMPLE)}/plugin/savemasks_run")
    loaded(inside(page).locator(".tile img").last)
    assert inside(page).locator("html").get_attribute("data-theme") == theme
    keep(page, f"tab-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page_of: Any, airflow: Airflow, green: str, red: str, theme: str) -> None:
    axe = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
    if not axe.exists():
        pytest.skip("there is no axe-core: make .browser/installed")
    page = page_of(viewport={"width": 1200, "height": 900}, color_scheme=theme, bypass_csp=True)

    def check() -> None:
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run().then(told => told.violations)")
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []

    page.goto(task_page(airflow.address, green))
    loaded(page.locator(".tile img").first)
    page.locator("summary", has_text="classes").click()
    check()
    page.locator(".tile").first.click()
    page.locator("dialog").get_by_label("Machine mask", exact=True).check()
    page.locator("dialog canvas").wait_for()
    check()
    page.goto(task_page(airflow.address, red))
    page.get_by_text("bad item").first.wait_for()
    check()
