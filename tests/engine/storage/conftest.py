"""Fixtures of the tests of streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_savemasks.engine.storage import retries, work_file
from tests.engine.samples import make_project
from tests.engine.storage.web import Web, served


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    monkeypatch.setattr(retries, "PAUSE", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(work_file.tempfile, "tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    with served() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=5)
