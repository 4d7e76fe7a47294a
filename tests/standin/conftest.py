"""A small project, a stand-in that has it, and a plain client of its methods."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standin.records import Project
from tests.standin.samples import META, Call, annotation, picture
from tests.standin.server import StandIn

Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project: `top` with five pictures (the last without annotation) and `top/child` with one."""
    root = tmp_path_factory.mktemp("projects") / "Fruits"
    for number in range(5):
        picture(root / "top" / "img" / f"{number}.png", number)
    picture(root / "top" / "datasets" / "child" / "img" / "c.png")
    for number in range(4):
        path = root / "top" / "ann" / f"{number}.png.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(annotation(500 + number)))
    (root / "meta.json").write_text(json.dumps(META))
    return root


@pytest.fixture
def server(folder: Path) -> Iterator[StandIn]:
    with StandIn(page_size=2, seed=3) as running:
        running.instance.add_project(folder)
        yield running


@pytest.fixture
def project(server: StandIn) -> Project:
    return next(iter(server.instance.projects.values()))


@pytest.fixture
def call(server: StandIn) -> Iterator[Call]:
    with httpx.Client(headers={"x-api-key": server.token}) as client:

        def post(method: str, body: Json | None = None, **options: Any) -> httpx.Response:
            return client.post(f"{server.address}/public/api/v3/{method}", json=body, **options)

        yield post
