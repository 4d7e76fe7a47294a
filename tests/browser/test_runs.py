"""Runs that are under way, that failed, and that come from the form; and who sees none of them."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from tests.browser.conftest import WAIT, Airflow
from tests.browser.helpers import CASE, FIGURES, Clicks, inside, keep, loaded, masks, run_page, task_page
from tests.engine.samples import annotation, make_project, picture

FORM = "save_masks_on_demand"
# In one call: between two the page may have asked again, and the bar would be a later one than the line.
BAR_AND_LINE = (
    "told => [told.querySelector('progress').getAttribute('value'), told.querySelector('.figure').textContent]"
)


def test_from_a_red_run_to_its_bad_items(page: Any, airflow: Airflow, red: str) -> None:
    page.goto(run_page(airflow.address, red))
    click = Clicks()
    click(masks(page))
    inside(page).get_by_text("2 bad items: nothing was published").wait_for()
    shown = inside(page).locator("img.bad")
    assert shown.count() == 1
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    inside(page).get_by_text("ds0/0001.png", exact=True).wait_for()
    inside(page).get_by_text("does not decode").wait_for()
    click.tell("from a red run to its bad items", 3)
    keep(page, "red")


def test_a_planned_run_says_what_an_export_would_do(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    project = make_project(tmp_path / "planned", 5)
    (project / "ds0" / "ann" / "0001.png.json").write_text("{")
    run_id = airflow.export(project, "planned", options={"dry_run": "true"})
    assert airflow.wait(CASE, run_id) == "success"
    page.goto(run_page(airflow.address, run_id))
    masks(page).click()
    inside(page).get_by_text("Planned: nothing was rendered or published").wait_for()
    inside(page).get_by_text("The export would fail: 1 bad item; none may be left out").wait_for()
    assert "4 to render" in inside(page).locator("#export .figures").inner_text()
    inside(page).get_by_text("broken JSON").wait_for()
    assert inside(page).locator(".tile").count() == 0
    keep(page, "planned")


def test_from_a_red_run_to_any_other_cause(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(tmp_path / "nowhere", "nothing")
    assert airflow.wait(CASE, run_id) == "failed"
    page.goto(run_page(airflow.address, run_id))
    click = Clicks()
    click(masks(page))
    inside(page).get_by_text("stands in the task's log").wait_for()
    click(square(page, run_id, "save_masks"))
    page.get_by_text("no meta.json there, so it is no project").first.wait_for()
    click.tell("from a red run to any other cause, over the Masks tab", 3)


def test_nothing_without_a_login(page_of: Any, airflow: Airflow, green: str) -> None:
    assert page_of(None).goto(task_page(airflow.address, green)).status == 401


def test_a_viewer_sees_and_who_has_no_right_gets_nothing(page_of: Any, airflow: Airflow, green: str) -> None:
    viewer = page_of("vic")
    viewer.goto(run_page(airflow.address, green))
    masks(viewer).click()
    loaded(inside(viewer).locator(".tile img").first)
    seen = []
    viewer.on("response", lambda answer: seen.append(answer.url))
    viewer.reload()
    loaded(inside(viewer).locator(".tile img").first)
    ours = [url for url in dict.fromkeys(seen) if "/savemasks/" in url]
    assert len(ours) > 10
    nobody = page_of("nobody")
    for url in ours:
        answer = nobody.request.get(url)
        assert (answer.status, answer.text()) == (403, '{"detail":"Forbidden"}'), url
    assert nobody.goto(task_page(airflow.address, green)).status == 403
    nobody.goto(f"{run_page(airflow.address, green)}/plugin/savemasks_run")
    nobody.wait_for_load_state("networkidle")
    assert all(frame.locator(".tile, img[src*=savemasks]").count() == 0 for frame in nobody.frames)


def test_progress_moves_while_the_task_runs_and_a_stop_ends_it(page: Any, airflow: Airflow, tmp_path: Path) -> None:
    run_id = airflow.export(many_times(tmp_path, int(os.environ.get("MANY", "30000"))), "many")
    page.goto(task_page(airflow.address, run_id))
    page.locator("#progress .figure", has_text="items").wait_for(timeout=2 * WAIT)
    shares, until = [], time.monotonic() + 120
    while len(set(shares)) < 2 and time.monotonic() < until:
        time.sleep(0.5)
        bar, line = page.locator("#progress").evaluate(BAR_AND_LINE)
        if found := re.match(r"\d+/\d+ items \((\d+) %\), [\d.]+ images/s", line):
            shares.append(int(found[1]))
            assert bar == found[1]
    keep(page, "progress")
    assert len(set(shares)) >= 2, "the figure did not move"
    assert shares == sorted(shares)
    FIGURES.append(f"progress while the task runs: {' %, '.join(map(str, dict.fromkeys(shares)))} %")
    airflow.call("PATCH", f"/api/v2/dags/{CASE}/dagRuns/{run_id}", {"state": "failed"})
    page.get_by_text("why it failed stands in the task's log").wait_for()


def many_times(project: Path, items: int) -> Path:
    """One picture under very many names."""
    make_project(project, 0)
    for folder, name, content in (
        ("img", "{:06}.png", picture(1, 400, 300)),
        ("ann", "{:06}.png.json", json.dumps(annotation(1, 400, 300)).encode()),
    ):
        first = project / "ds0" / folder / name.format(0)
        first.write_bytes(content)
        for number in range(1, items):
            os.link(first, first.with_name(name.format(number)))
    return project


def square(page: Any, run_id: str, task_id: str) -> Any:
    """A task of a run in Airflow's grid."""
    return page.locator(f"a[href*={json.dumps(run_id)}][href*='/tasks/{task_id}']").first


def fill_form(page: Any, airflow: Airflow, colors: str) -> Any:
    """The form of the on-demand export, with colours of human masks; the dialog."""
    page.goto(f"{airflow.address}/dags/{FORM}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.get_by_text("Colours", exact=True).click()
    form.locator("textarea").first.fill(colors)
    form.get_by_test_id("trigger-dag-submit").click()
    return form


def test_the_form_refuses_what_is_no_colour_before_there_is_a_run(page: Any, airflow: Airflow) -> None:
    before = airflow.call("GET", f"/api/v2/dags/{FORM}/dagRuns")["total_entries"]
    began = time.monotonic()
    form = fill_form(page, airflow, "rocket: #ff7b")
    form.get_by_text("Invalid input for param human_colors: 'rocket: #ff7b'").wait_for()
    FIGURES.append(f"the form's refusal of a colour can be read in the form after {time.monotonic() - began:.1f} s")
    keep(page, "form-refused")
    assert airflow.call("GET", f"/api/v2/dags/{FORM}/dagRuns")["total_entries"] == before


def test_a_name_that_is_no_colour_is_told_by_the_first_task(page: Any, airflow: Airflow) -> None:
    fill_form(page, airflow, "rocket: orannge")
    page.wait_for_url("**/runs/**")
    run_id = airflow.call("GET", f"/api/v2/dags/{FORM}/dagRuns?order_by=-run_after")["dag_runs"][0]["dag_run_id"]
    assert airflow.wait(FORM, run_id) == "failed"
    page.goto(run_page(airflow.address, run_id, FORM))
    click = Clicks()
    click(square(page, run_id, "layer"))
    page.get_by_text("orannge").first.wait_for()
    click.tell("from the red run of a form with a wrong name of a colour to that", 3)
    keep(page, "form-red")


def test_the_form_with_good_colours_leads_to_their_masks(page: Any, airflow: Airflow) -> None:
    fill_form(page, airflow, "rocket: orange\nhelmet: #00ff00\nflag: [0, 0, 255]")
    page.wait_for_url("**/runs/**")
    masks(page).click()
    loaded(inside(page).locator(".tile img").first)  # by itself, once the task has ended
    keep(page, "form-green")
    inside(page).locator("summary", has_text="classes").click()
    inside(page).get_by_text("255 165 0").first.wait_for()
