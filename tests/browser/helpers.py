"""Where pages are, what a person does on them, and what is told of it at the end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
PICTURES = Path(os.environ.get("SCREENSHOTS", ROOT / ".browser"))
SLOW = float(os.environ.get("SLOW", "3"))  # how many times longer than promised something may take on this machine
FIGURES: list[str] = []  # shown at the end of the tests, and written to PICTURES
CASE = "browser_case"


class Clicks:
    """Clicks, counted, and the seconds from the first one on."""

    def __init__(self) -> None:
        self.count = 0
        self._began = 0.0

    def __call__(self, locator: Any) -> None:
        locator.wait_for()
        if not self.count:
            self._began = time.monotonic()
        self.count += 1
        locator.click()

    def tell(self, what: str, most: int) -> None:
        """Keep the figures. Fails where it took more than `most` clicks."""
        FIGURES.append(f"{what}: {self.count} click{'s'[: self.count != 1]}, {time.monotonic() - self._began:.1f} s")
        assert self.count <= most, FIGURES[-1]


def run_page(address: str, run_id: str, dag_id: str = CASE) -> str:
    """A run in Airflow."""
    return f"{address}/dags/{dag_id}/runs/{quote(run_id, safe='')}"


def task_page(address: str, run_id: str, dag_id: str = CASE) -> str:
    """The Masks tab of its export, without Airflow around it."""
    return f"{address}/savemasks/dags/{dag_id}/runs/{quote(run_id, safe='')}/tasks/save_masks/%7BMAP_INDEX%7D"


def masks(page: Any) -> Any:
    """The link to the Masks tab in Airflow's page."""
    return page.get_by_role("link", name="Masks", exact=True).first


def inside(page: Any) -> Any:
    """The Masks tab in Airflow's page."""
    return page.frame_locator("iframe[title=Masks]")


def loaded(locator: Any) -> None:
    """Wait until an image is there, and is one."""
    locator.wait_for(timeout=60_000)
    locator.evaluate("image => image.decode()")
    assert locator.evaluate("image => image.naturalWidth") > 0


def keep(page: Any, name: str) -> None:
    """A screenshot."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
