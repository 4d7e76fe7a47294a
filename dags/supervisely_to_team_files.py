"""From a project on a Supervisely instance to an archive in the instance's Team Files, without its SDK.

Needs the connection `supervisely_default` (type Supervisely: server address, API token).
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.operators.save_masks import SaveMasksOperator

RGB = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}, "minItems": 3, "maxItems": 3}


@dag(
    schedule=None,
    catchup=False,
    tags=["savemasks"],
    doc_md=__doc__,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
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
    @task
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
        layer=layer(),
        sources={"$data_1": "{{ params.project }}"},
        team_files_conn_id="savemasks_instance_team_files",  # {"root": "supervisely://team/<id>/masks"}
    )


supervisely_to_team_files()
