"""Take new pictures from an inbox, then export the project they go to, with masks.

`src` names the task that has the data: `$data_1` is what the task `data_1` returns, the path or URI of a project.

**Needs** nothing: the inbox of the form is a sample of three photographs with their labels.

**Result:** `desk.tar` in Team Files, which is the root of the connection `savemasks_team_files_default`, or the folder
`team_files` below `AIRFLOW_HOME`; the asset `desk_masks`, on which `train_on_masks` is scheduled.

**Look at** the tab *Masks* of the run, and at the XCom of *Save masks*: `archive`, `items`, `warnings`. A picture whose
labels are broken is named by *Name the broken*, which is red then, while the good ones are exported all the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, Param, dag, task
from airflow.sdk.exceptions import AirflowException

from airflow_savemasks.operators.save_masks import SaveMasksOperator

INBOX = Path(__file__).parent / "sample" / "inbox"
PROJECT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "projects" / "desk"
COLORS = {  # class: machine gray, human RGB
    "saucer": (40, [58, 134, 255]),
    "cup": (67, [255, 190, 11]),
    "spoon": (94, [247, 37, 133]),
    "coffee": (121, [6, 214, 160]),
    "cat": (148, [155, 93, 229]),
    "eye": (174, [112, 224, 0]),
    "cat face": (201, [255, 255, 255]),
    "person": (228, [255, 123, 0]),
    "camera": (255, [0, 187, 249]),
}
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "desk",
    "settings": {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {name: [gray] * 3 for name, (gray, _) in COLORS.items()},
        "gt_human_color": {name: rgb for name, (_, rgb) in COLORS.items()},
    },
}


@dag(
    schedule=None,
    catchup=False,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "ingest"],
    description="Pictures from an inbox into a project, and the project into an archive with masks",
    doc_md=__doc__,
    params={
        "inbox": Param(
            str(INBOX),
            type="string",
            title="Inbox",
            description="Folder of pictures, each with its .json, and meta.json",
        ),
        "project": Param(
            str(PROJECT), type="string", title="Project", description="Folder of the project that the pictures go to"
        ),
    },
)
def ingest_then_save_masks() -> None:
    @task(task_display_name="Take from the inbox", doc_md="New pictures are added, changed ones replaced.")
    def take_from_inbox(inbox: str, project: str) -> dict[str, Any]:
        """New pictures are added, changed ones replaced, broken ones named."""
        from airflow_savemasks.engine.project.ingest import ingest_pairs

        return {"project": project, **ingest_pairs(inbox, project, "pictures").to_json()}

    @task(doc_md="Returns the project's path: what `$data_1` in the layer stands for.")
    def data_1(report: dict[str, Any]) -> str:
        """What `$data_1` in the layer stands for."""
        return str(report["project"])

    @task(task_display_name="Name the broken", doc_md="Red, naming them, where pictures could not be taken.")
    def name_the_broken(report: dict[str, Any]) -> None:
        """The good pictures are exported all the same; the run stays red until the others are mended."""
        if report["broken"]:
            raise AirflowException("\n".join(f"{name}: {why}" for name, why in report["broken"].items()))

    report = take_from_inbox("{{ params.inbox }}", "{{ params.project }}")
    data_1(report) >> SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="The project as an archive with human and machine masks; only what is new is rendered.",
        layer=LAYER,
        outlets=[Asset("desk_masks")],
    )
    name_the_broken(report)


ingest_then_save_masks()
