"""A project downloaded by the real SDK and exported from the folder has the masks of the instance's own export."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.job import open_job
from airflow_savemasks.engine.opening import open_instance_project, open_sources
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.supervisely.api import Api
from tests.engine.samples import members, run
from tests.standin.server import StandIn

PYTHON = os.environ.get("SUPERVISELY_PYTHON")
GOLDEN = Path(__file__).parents[1] / "golden"
DOWNLOAD = """
import sys
import supervisely as sly
address, token, project, folder = sys.argv[1:]
sly.download_project(sly.Api(address, token), int(project), folder, log_progress=False)
"""


@pytest.mark.skipif(not PYTHON, reason="SUPERVISELY_PYTHON does not name an interpreter with the Supervisely SDK")
@pytest.mark.parametrize("case", ["mixed", "alpha_masks", "nested_datasets"])
def test_downloaded_and_exported_from_the_folder_the_masks_are_equal(case: str, tmp_path: Path) -> None:
    raw = json.loads((GOLDEN / case / "layer.json").read_text())
    with StandIn() as server:
        project = server.instance.add_project(GOLDEN / case / "project", workspace="ws", name=case)
        words = [server.address, server.token, str(project.id), str(tmp_path / "project")]
        subprocess.run([str(PYTHON), "-c", DOWNLOAD, *words], check=True, capture_output=True, timeout=120)
        layer, api = parse_layer(raw), Api(server.address, server.token)
        uri = f"supervisely://project/{project.id}"
        sources = open_sources(layer, {layer.inputs[0].name: uri}, None, lambda one: open_instance_project(one, api))
        job = open_job(layer, sources, Options())
        direct = export(job, open_storage(str(tmp_path / "direct")), threading.Event(), Progress())
    folder = run(tmp_path / "project", tmp_path / "folder", raw)
    ours, theirs = members(direct["archive"]), members(folder["archive"])
    masks = [name for name in ours if "/masks_" in name or "/img/" in name]
    assert masks
    assert {name: ours[name] for name in masks} == {n: d for n, d in theirs.items() if "/masks_" in n or "/img/" in n}
