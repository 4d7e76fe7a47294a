"""One export on many workers: plan, render (a mapped task for each batch of items), assemble.

On one machine it is no faster than SaveMasksOperator, which uses all its cores. With CeleryExecutor or
KubernetesExecutor the batches run wherever there are workers; they share the storage of Team Files.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import Param, dag

from airflow_savemasks.task_groups import save_masks_group

PROJECT = Path(__file__).parent / "sample" / "projects" / "space"
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "{{ params.archive }}",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {"rocket": [80, 80, 80], "tower": [120, 120, 120], "astronaut": [200, 200, 200]},
        "gt_human_color": {"rocket": [255, 123, 0], "tower": [167, 244, 50], "astronaut": [58, 134, 255]},
    },
}


@dag(
    schedule=None,
    catchup=False,
    tags=["savemasks"],
    doc_md=__doc__,
    params={
        "project": Param(str(PROJECT), type="string", title="Project", description="Path or URI"),
        "archive": Param("space fanned out", type="string", minLength=1, title="Name of the archive"),
    },
)
def fan_out_export() -> None:
    save_masks_group(
        layer=LAYER,
        sources={"$data_1": "{{ params.project }}"},
        batches=8,
        retries=2,
        retry_delay=timedelta(seconds=10),
    )


fan_out_export()
