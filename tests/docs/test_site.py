"""The built site (`make site`) is whole, and nothing is fetched when it is read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

SITE = ROOT / ".site"
pytestmark = pytest.mark.skipif(not SITE.is_dir(), reason="make site has not built it")
FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Fetched(HTMLParser):
    """Addresses that a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (
            tag in FETCHED
            and (address := given.get(FETCHED[tag]))
            and given.get("rel") not in {"canonical", "next", "prev"}
        ):
            self.found.append(address)


def pages() -> list[Path]:
    return sorted(SITE.rglob("*.html"))


def test_every_page_of_the_documentation_is_there() -> None:
    made = {str(page.relative_to(SITE).with_suffix(".md")) for page in pages()}
    wanted = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert {page.replace("README.md", "index.md") for page in wanted} <= {
        page.replace("README.md", "index.md") for page in made
    }


def test_nothing_is_fetched_from_anywhere_else() -> None:
    for page in pages():
        parser = Fetched()
        parser.feed(page.read_text("utf-8"))
        for address in parser.found:
            assert not re.match(r"(https?:)?//", address), f"{page}: {address}"
    for style in SITE.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text("utf-8")), style


def test_what_a_page_shows_is_there() -> None:
    for page in pages():
        parser = Fetched()
        parser.feed(page.read_text("utf-8"))
        for address in parser.found:
            if not address.startswith("data:"):
                path = address.partition("#")[0].partition("?")[0]
                place = SITE / path.lstrip("/") if path.startswith("/") else page.parent / path
                assert place.resolve().is_file(), f"{page}: {address}"
