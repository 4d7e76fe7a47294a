"""What pages need: an Airflow home, servers on loopback, sample projects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, path_with_our_commands
from tests.engine.samples import make_project


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with a migrated database, which is copied for each page."""
    home = tmp_path_factory.mktemp("airflow")
    env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a page's story happens: a project, a layer, the samples of the checkout."""
    place = tmp_path / "page"
    make_project(place / "lemons", items=6)
    (place / "layer.json").write_text(json.dumps(LAYER))
    shutil.copytree(ROOT / "dags" / "sample", place / "dags" / "sample")
    return place


LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "lemons",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"leaf": [100, 100, 100], "box": [200, 200, 200]},
        "gt_human_color": {"leaf": [0, 255, 0], "box": [255, 0, 0]},
    },
}


@pytest.fixture
def env(folder: Path, migrated: Path) -> Iterator[dict[str, str]]:
    """Of the page's commands: those of this environment first on PATH, an Airflow home of its own."""
    home = folder / "airflow"
    shutil.copytree(migrated, home)
    config = home / "airflow.cfg"
    config.unlink(missing_ok=True)  # it names the home that was copied
    with ExitStack():
        yield {
            "PATH": path_with_our_commands(),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "PYTHONPATH": str(ROOT),
        }
