"""Every night an archive of a project, named after the day. A failed export goes on where it stopped when retried.

**Needs** nothing: the project is a sample that lies beside this file; put a path or URI of yours in its place.

**Result:** `space <day>.tar` in Team Files, which is the root of the connection `savemasks_team_files_default`, or the
folder `team_files` below `AIRFLOW_HOME`. What has not changed since the day before is taken out of that archive.

**Look at** the tab *Masks* of the run, at the task's XCom (`archive`, `items`, `skipped`, `warnings`) and at its log's
last line.

It is paused when it is new: switch it on to have it run at 02:30 UTC, or trigger it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import dag

from airflow_savemasks.operators.save_masks import SaveMasksOperator

PROJECT = Path(__file__).parent / "sample" / "projects" / "space"  # or s3://bucket/projects/space
DAY = "(dag_run.logical_date or dag_run.run_after) | ds"  # a run from the API or a shell has no logical date
CLASSES = {  # class: machine gray, human RGB
    "tower": (28, [167, 244, 50]),
    "pad": (56, [0, 187, 249]),
    "rocket": (84, [255, 123, 0]),
    "flag": (112, [239, 35, 60]),
    "shuttle": (140, [6, 214, 160]),
    "astronaut": (168, [58, 134, 255]),
    "collar": (196, [255, 112, 166]),
    "patch": (224, [254, 228, 64]),
    "helmet": (252, [155, 93, 229]),
}
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": f"space {{{{ {DAY} }}}}",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {name: [gray] * 3 for name, (gray, _) in CLASSES.items()},
        "gt_human_color": {name: rgb for name, (_, rgb) in CLASSES.items()},
    },
}


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args={
        "owner": "savemasks samples",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
    },
    tags=["savemasks", "sample", "schedule"],
    description="Every night an archive with masks, which reuses what has not changed since the last one",
    doc_md=__doc__,
)
def nightly_export() -> None:
    SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="Pictures that cannot be exported are left out and listed in `skipped`; more than five fail the run.",
        layer=LAYER,
        sources={"$data_1": str(PROJECT)},
        on_bad_item="skip",  # listed in the manifest and in the result; more than max_skipped fail the run
        max_skipped=5,
        reuse=f"space {{{{ macros.ds_add({DAY}, -1) }}}}",  # what has not changed since is taken out of that archive
    )


nightly_export()
