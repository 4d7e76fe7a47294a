"""LocalExecutor with a small pool: fifty exports that want to run at once, five for each archive, end green."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.e2e.services import Services, find, wait_for
from tests.engine.samples import LAYER, make_project, run

MISSING = [name for name in ("initdb", "postgres", "createdb") if find(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING} (Debian: postgresql)")
EXPORTS, ARCHIVES = 50, 10  # as in dags/many_exports.py
SLOTS = 4


def test_fifty_exports_at_once_end_green_with_the_right_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAVEMASKS_E2E", str(tmp_path))
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_project(tmp_path / "project", items=40)
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(Path(__file__).parent / "dags/many_exports.py", dags)
    services = Services(tmp_path / "home", dags, workers=())
    services.environment["AIRFLOW__CORE__PARALLELISM"] = "8"
    try:
        services.start()
        services.airflow("pools", "set", "exports", str(SLOTS), "a small one")
        place = services.trigger("many_exports")
        wait_for("the end", lambda: services.call("GET", place)["state"] in ("success", "failed"), 900)
        tasks = services.call("GET", f"{place}/taskInstances?limit=100")["task_instances"]
    finally:
        services.stop()
    assert Counter(task["state"] for task in tasks) == {"success": EXPORTS}
    assert {task["try_number"] for task in tasks} == {1}
    expected = Path(run(tmp_path / "project", tmp_path / "alone")["archive"]).read_bytes()
    out = services.home / "team_files"
    for number in range(ARCHIVES):
        assert (out / f"export-{number}.tar").read_bytes() == expected
        verify(FolderStorage(out), f"export-{number}")
    assert len(list(out.iterdir())) == 3 * ARCHIVES, "something was left over"
