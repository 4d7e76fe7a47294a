"""From a project on a Supervisely instance to an archive in the instance's Team Files, without its SDK.

**Needs** two connections, without which it fails with a line that says so:

* `supervisely_default`, of the type Supervisely: server address and API token;
* `savemasks_instance_team_files`, of the type Save Masks storage, with the root `supervisely://team/<id>/masks`.

**Result:** the archive of the form's name in that folder of Team Files; `link` in the XCom is its address there.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.hooks.suggestions import missing_connections
from airflow_savemasks.operators.save_masks import SaveMasksOperator

CONNECTIONS = ("supervisely_default", "savemasks_instance_team_files")
RGB = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}, "minItems": 3, "maxItems": 3}


@dag(
    schedule=None,
    catchup=False,
    tags=["savemasks", "sample", "supervisely"],
    description="A project of a Supervisely instance as an archive with masks in the instance's Team Files",
    doc_md=f"{__doc__}{missing_connections(*CONNECTIONS)}",
    default_args={"owner": "savemasks samples", "retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "project": Param(
            "supervisely://workspace/project",
            type="string",
            pattern="^supervisely://.+/.+",
            description="supervisely://<workspace>/<project>; ?tags=train&labelled=true choose images",
        ),
        "archive": Param("masks", type="string", minLength=1),
        "machine_colors": Param({"kiwi": [100, 100, 100]}, type="object", additionalProperties=RGB),
        "human_colors": Param({"kiwi": [255, 0, 0]}, type="object", additionalProperties=RGB),
    },
)
def supervisely_to_team_files() -> None:
    @task(doc_md="The form's fields as the layer's JSON.")
    def layer() -> dict[str, object]:
        params = get_current_context()["params"]
        return {
            "action": "save_masks",
            "src": ["$data_1"],
            "dst": params["archive"],
            "settings": {
                "masks_machine": True,
                "masks_human": True,
                "gt_machine_color": dict(params["machine_colors"]),
                "gt_human_color": dict(params["human_colors"]),
            },
        }

    SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="Reads the project over the instance's API, and uploads the archive.",
        layer=layer(),
        sources={"$data_1": "{{ params.project }}"},
        team_files_conn_id="savemasks_instance_team_files",  # host: supervisely://team/<id>/masks
    )


supervisely_to_team_files()
