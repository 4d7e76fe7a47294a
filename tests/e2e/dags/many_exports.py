"""Fifty exports at once in a small pool, five for each archive, for the end-to-end test."""

from __future__ import annotations

import json
import os
from pathlib import Path

from airflow.sdk import dag

from airflow_savemasks.operators.save_masks import SaveMasksOperator

PLACE = Path(os.environ["SAVEMASKS_E2E"])
EXPORTS, ARCHIVES = 50, 10


@dag(schedule=None, catchup=False, max_active_tasks=EXPORTS)
def many_exports() -> None:
    layer = json.loads((PLACE / "layer.json").read_text("utf-8"))
    layers = [{**layer, "dst": f"export-{number % ARCHIVES}"} for number in range(EXPORTS)]
    SaveMasksOperator.partial(
        task_id="save_masks", sources={"$data_1": str(PLACE / "project")}, workers=1, pool="exports"
    ).expand(layer=layers)


many_exports()
