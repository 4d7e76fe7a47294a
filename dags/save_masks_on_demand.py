"""An export from the UI: "Trigger" asks for the project, the archive's name, the masks and the colours.

**Needs** the connection `savemasks_on_demand`; without it *Save masks* fails with a line that says so. The project is
one below the root of that connection, and nothing else: it says `only_below_root`. Who may trigger a DAG must not
thereby read whatever the worker can read, and with a path or a URI in a form he could. `make demo` and `make ui` define
the connection; elsewhere add it, of the type Save Masks storage:

    host: /data/projects        extra: {"only_below_root": true}

**Result:** the archive of the form's name in Team Files, which is the root of the connection
`savemasks_team_files_default`, or the folder `team_files` below `AIRFLOW_HOME`.

**Look at** the XCom of *Save masks*: `archive`, `items`, `warnings`. A colour that is none is named by the task
*Layer*, seconds after the run has begun.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.hooks.suggestions import projects_below
from airflow_savemasks.operators.save_masks import SaveMasksOperator

CONNECTION = "savemasks_on_demand"
# What the export would refuse later: control characters, and names with an empty part, ".", ".." or the work folder
NAME = r"^(?!\s*\.parts(/|\s*$))(?!\s*\.{0,2}(/|\s*$))(?!.*/\.{0,2}(/|\s*$))[^\x00-\x1f\x7f-\x9f]+$"
COLOR_LINES = r"^\s*(\S[^\n]*:[ \t]*(#[0-9a-fA-F]{6}|[a-zA-Z]+|\[[ \d,]+\])[ \t]*(\r?\n\s*|$))*$"
HOW = "`class: colour`, a line each; a colour is a name, `#ff7b00` or `[255, 123, 0]`."


@dag(
    schedule=None,
    catchup=False,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "form"],
    description="An export from a form: which project, which masks, which colours",
    doc_md=__doc__,
    params={
        "project": Param(
            "space",
            type="string",
            minLength=1,
            title="Project",
            description=f"Its folder, .tar or .zip below the root of the connection {CONNECTION}",
            examples=projects_below(CONNECTION) or ["space"],
        ),
        "archive": Param(
            "space",
            type="string",
            pattern=NAME,
            title="Name of the archive",
            description="Replaces an archive of that name; team/space makes a folder",
        ),
        "masks_machine": Param(True, type="boolean", title="Machine masks", description="Each class in its gray"),
        "masks_human": Param(
            True,
            type="boolean",
            title="Human masks",
            description="The picture beside itself with the classes in colour",
        ),
        "human_colors": Param(
            "",
            type=["string", "null"],
            format="multiline",
            pattern=COLOR_LINES,
            section="Colours",
            title="Colours of human masks",
            description_md=f"{HOW} Classes that are not named are not drawn. Empty: the colours of meta.json.",
        ),
        "machine_colors": Param(
            "",
            type=["string", "null"],
            format="multiline",
            pattern=COLOR_LINES,
            section="Colours",
            title="Grays of machine masks",
            description_md=f"{HOW} Empty: 1, 2, 3 ... in the order of meta.json.",
        ),
        "on_bad_item": Param(
            "fail",
            enum=["fail", "skip"],
            values_display={"fail": "fail the export, naming all of them", "skip": "leave them out, and list them"},
            section="More",
            title="Pictures that cannot be exported",
        ),
        "unknown_colors": Param(
            "error",
            enum=["error", "warn"],
            values_display={"error": "fail the export", "warn": "warn"},
            section="More",
            title="Colours for classes that the project does not have",
        ),
        "if_exists": Param(
            "replace",
            enum=["replace", "fail", "rename"],
            values_display={"replace": "replace it", "fail": "fail", "rename": "take the next free name"},
            section="More",
            title="An archive of that name",
        ),
        "reuse": Param(
            True, type="boolean", section="More", title="Reuse", description="Off: every picture is rendered again"
        ),
    },
)
def save_masks_on_demand() -> None:
    @task(task_display_name="Layer", doc_md="The form's fields as the layer's JSON. Red where a colour is none.")
    def layer() -> dict[str, Any]:
        from airflow.sdk.exceptions import AirflowFailException

        from airflow_savemasks.engine.errors import SettingsError
        from airflow_savemasks.engine.settings.layer import parse_layer

        params = get_current_context()["params"]
        made = {
            "action": "save_masks",
            "src": ["$data_1"],
            "dst": params["archive"],
            "settings": {
                "masks_machine": params["masks_machine"],
                "masks_human": params["masks_human"],
                "gt_machine_color": params["machine_colors"] or "",
                "gt_human_color": params["human_colors"] or "",
            },
        }
        try:
            parse_layer(made)
        except SettingsError as error:
            raise AirflowFailException(error.told()) from None
        return made

    SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="The chosen project as an archive.",
        layer=layer(),
        sources={"$data_1": "{{ params.project }}"},
        project_conn_id=CONNECTION,
        on_bad_item="{{ params.on_bad_item }}",
        unknown_colors="{{ params.unknown_colors }}",
        if_exists="{{ params.if_exists }}",
        reuse="{{ params.reuse }}",
    )


save_masks_on_demand()
