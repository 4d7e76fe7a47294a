"""One export on many workers: plan, render (a mapped task for each batch of items), assemble.

On one machine it is no faster than SaveMasksOperator, which uses all its cores. With CeleryExecutor or
KubernetesExecutor the batches run wherever there are workers.

**Needs**, on many machines, the connection `savemasks_team_files_default` with a root that all workers reach, such as
`s3://bucket/masks`; on one machine nothing.

**Result:** the archive of the form's name in Team Files, the same to the byte as that of one task.

**Look at** the tab *Masks* of the run, the mapped task *render*, whose copies are labelled with their first and last
items, and at the XCom of *assemble*.
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
        "gt_machine_color": "",  # 1, 2, 3 ... in the order of meta.json
        "gt_human_color": "",  # those of meta.json
    },
}


@dag(
    schedule=None,
    catchup=False,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "many workers"],
    description="One export spread over workers: plan, render in batches, assemble",
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
