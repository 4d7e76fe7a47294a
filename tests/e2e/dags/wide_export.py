"""The fanned-out export of a larger project, for the end-to-end test."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag

from airflow_savemasks.task_groups import save_masks_group

PLACE = Path(os.environ["SAVEMASKS_E2E"])


@dag(schedule=None, catchup=False)
def wide_export() -> None:
    save_masks_group(
        layer=json.loads((PLACE / "layer.json").read_text("utf-8")),
        sources={"$data_1": str(PLACE / "project")},
        batches=6,
        workers=1,
        retries=3,
        retry_delay=timedelta(seconds=1),
    )


wide_export()
