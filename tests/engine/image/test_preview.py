"""Small pictures of bad items."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.archive import bad_items
from airflow_savemasks.engine.errors import BadItemsError
from airflow_savemasks.engine.image.preview import MOST, SIDE, preview
from airflow_savemasks.engine.work import ways
from tests.engine.samples import make_project, picture, run


def encoded(ending: str, height: int, width: int) -> bytes:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.dstack([x % 256, y % 256, (x + y) % 256]).astype(np.uint8)
    return cv2.imencode(ending, pixels)[1].tobytes()


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize(("height", "width"), [(30, 40), (240, 240), (1200, 1800), (2000, 100), (1, 3000)])
def test_it_is_small_and_keeps_its_shape(ending: str, height: int, width: int) -> None:
    content = preview(encoded(ending, height, width), height, width)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert len(content) <= MOST
    scale = min(1, SIDE / max(height, width))
    assert image.shape[0] == pytest.approx(height * scale, abs=2)
    assert image.shape[1] == pytest.approx(width * scale, abs=2)


@pytest.mark.parametrize("content", [b"", b"none", encoded(".png", 30, 40)[:60]])
def test_what_does_not_decode_has_none(content: bytes) -> None:
    assert preview(content, 30, 40) == b""


@pytest.mark.parametrize("processes", [0, 2])
def test_the_first_bad_items_that_decode_have_one_in_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(bad_items, "PREVIEWS", 3)
    monkeypatch.setattr("airflow_savemasks.engine.parts.writing.PREVIEWS", 3)
    monkeypatch.setattr(ways, "processes_for", lambda *_: processes)
    project = make_project(tmp_path / "p", items=6)
    for number in range(5):
        (project / f"ds0/ann/{number:04d}.png.json").write_text("{")
    (project / "ds0/img/0001.png").write_bytes(picture(1)[:50])
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out/export.bad_items.jsonl").read_text().splitlines()]
    assert ["preview" in line for line in lines] == [True, False, True, False, False]
    assert b64decode(lines[0]["preview"]).startswith(b"\xff\xd8\xff")
