"""Every night an archive of a project, named after the day. A failed export goes on where it stopped when retried."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import dag

from airflow_savemasks.operators.save_masks import SaveMasksOperator

PROJECT = Path(__file__).parent / "sample" / "projects" / "space"  # or s3://bucket/projects/space
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "space {{ ds }}",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"rocket": [80, 80, 80], "tower": [120, 120, 120], "astronaut": [200, 200, 200]},
        "gt_human_color": {"rocket": [255, 123, 0], "tower": [167, 244, 50], "astronaut": [58, 134, 255]},
    },
}


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["savemasks"],
    doc_md=__doc__,
)
def nightly_export() -> None:
    SaveMasksOperator(
        task_id="save_masks",
        layer=LAYER,
        sources={"$data_1": str(PROJECT)},
        on_bad_item="skip",  # listed in the manifest and in the result; more than max_skipped fail the run
        max_skipped=5,
        reuse="space {{ macros.ds_add(ds, -1) }}",  # what has not changed since is taken out of that archive
    )


nightly_export()
