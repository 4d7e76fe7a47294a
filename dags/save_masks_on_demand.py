"""An export from the UI: "Trigger" asks for the project, the archive's name, the masks and the colors.

The project is one below the root of the connection `savemasks_on_demand`, and nothing else: that connection says
`only_below_root`. Who may trigger a DAG must not thereby read whatever the worker can read, and with a path or a URI
in a form he could. `make demo` and `make ui` define the connection; elsewhere add it, of the type Save Masks storage:

    {"root": "/data/projects", "only_below_root": true}
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.operators.save_masks import SaveMasksOperator

CONNECTION = "savemasks_on_demand"
CHANNEL = {"type": "integer", "minimum": 0, "maximum": 255}
COLORS = {  # JSON schema: {"class": [R, G, B], ...}, checked before a run exists
    "type": "object",
    "additionalProperties": {"type": "array", "items": CHANNEL, "minItems": 3, "maxItems": 3},
}


@dag(
    schedule=None,
    catchup=False,
    tags=["savemasks"],
    doc_md=__doc__,
    params={
        "project": Param(
            "space",
            type="string",
            minLength=1,
            title="Project",
            description=f"Its folder, .tar or .zip below the root of the connection {CONNECTION}",
        ),
        "archive": Param("space", type="string", minLength=1, title="Name of the archive"),
        "masks_machine": Param(True, type="boolean", title="Machine masks"),
        "masks_human": Param(True, type="boolean", title="Human masks"),
        "machine_colors": Param(
            {"rocket": [80, 80, 80], "tower": [120, 120, 120], "astronaut": [200, 200, 200]},
            title="Machine colours",
            description='Gray of each class, as {"class": [80, 80, 80]}; classes that are not listed are not drawn',
            **COLORS,
        ),
        "human_colors": Param(
            {"rocket": [255, 123, 0], "tower": [167, 244, 50], "astronaut": [58, 134, 255]},
            title="Human colours",
            description='RGB of each class, as {"class": [255, 123, 0]}',
            **COLORS,
        ),
    },
)
def save_masks_on_demand() -> None:
    @task
    def layer() -> dict[str, Any]:
        """The form's fields as the layer's JSON."""
        params = get_current_context()["params"]
        return {
            "action": "save_masks",
            "src": ["$data_1"],
            "dst": params["archive"],
            "settings": {
                "masks_machine": params["masks_machine"],
                "masks_human": params["masks_human"],
                "gt_machine_color": dict(params["machine_colors"]),
                "gt_human_color": dict(params["human_colors"]),
            },
        }

    SaveMasksOperator(
        task_id="save_masks",
        layer=layer(),
        sources={"$data_1": "{{ params.project }}"},
        project_conn_id=CONNECTION,
    )


save_masks_on_demand()
