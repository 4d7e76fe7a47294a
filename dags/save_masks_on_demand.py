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

from airflow_savemasks.hooks.suggestions import missing_connections, projects_below
from airflow_savemasks.operators.save_masks import SaveMasksOperator

CONNECTION = "savemasks_on_demand"
# What the export would refuse later: control characters, and names with an empty part, ".", ".." or the work folder
NAME = r"^(?!\s*\.parts(/|\s*$))(?!\s*\.{0,2}(/|\s*$))(?!.*/\.{0,2}(/|\s*$))[^\x00-\x1f\x7f-\x9f]+$"
COLOR_LINES = r"^\s*(\S[^\n]*:[ \t]*(#[0-9a-fA-F]{6}|[a-zA-Z]+|\[[ \d,]+\])[ \t]*(\r?\n\s*|$))*$"
AS_THEY_ARE = (
    "machine_png unlisted overlap line_width instances semantic class_maps layout redact "
    "on_bad_item unknown_colors if_exists reuse"
).split()  # options that are fields of the form
HOW = "`class: colour`, a line each; a colour is a name, `#ff7b00` or `[255, 123, 0]`."
SHARE_LINES = r"^\s*([^\s:][^\n:]*:[ \t]*[0-9.]+[ \t]*(\r?\n\s*|$))*$"


def choice(section: str, title: str, **words: str) -> Param:
    """One of some words, the first by default, shown as sentences."""
    return Param(next(iter(words)), enum=list(words), values_display=words, section=section, title=title)


def switch(section: str, title: str, description: str = "") -> Param:
    return Param(False, type="boolean", section=section, title=title, description=description)


def names(title: str, description: str) -> Param:
    """A list of names, one a line."""
    kind = {"type": ["array", "null"], "items": {"type": "string"}}
    return Param([], section="Which pictures", title=title, description=description, **kind)


@dag(
    schedule=None,
    catchup=False,
    default_args={"owner": "savemasks samples"},
    tags=["savemasks", "sample", "form"],
    description="An export from a form: which project, which masks, which colours",
    doc_md=f"{__doc__}{missing_connections(CONNECTION)}",
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
        "machine_png": choice(
            "Kinds of masks",
            "File of machine masks",
            auto="gray if all colours are, else colour",
            rgb="three channels",
            palette="indices that viewers show in colour",
            gray16="16 bits, for hundreds of classes",
        ),
        "unlisted": choice(
            "Kinds of masks",
            "Classes that are named no colour",
            skip="are not drawn",
            auto="get free numbers, and the colours of meta.json",
            fail="fail the export",
        ),
        "overlap": choice("Kinds of masks", "On top lies", order="the later label", area="the smaller label"),
        "line_width": Param(
            1, type="integer", minimum=1, maximum=32767, section="Kinds of masks", title="Width of lines and points"
        ),
        "instances": choice(
            "Kinds of masks",
            "Masks of labels",
            none="none",
            ids="all in one PNG of 16 bits",
            files="a file for each label",
        ),
        "semantic": switch("Kinds of masks", "Semantic masks", "All classes in the colours of meta.json"),
        "class_maps": switch("Kinds of masks", "Class maps", "classes.csv, labelmap.txt and JSON beside meta.json"),
        "human_layout": choice(
            "Look of human masks", "Layout", side_by_side="the picture beside the overlay", overlay="the overlay alone"
        ),
        "human_alpha": Param(
            0.5,
            type="number",
            minimum=0,
            maximum=1,
            section="Look of human masks",
            title="Opacity of the colours",
            description="From 0 to 1",
        ),
        "human_max_side": Param(
            None,
            type=["integer", "null"],
            minimum=3,
            section="Look of human masks",
            title="Longest side",
            description="In pixels; empty: as large as the picture asks for",
        ),
        "human_format": choice("Look of human masks", "Format", png="PNG", jpeg="JPEG, much smaller"),
        "human_quality": Param(
            90, type="integer", minimum=1, maximum=100, section="Look of human masks", title="Quality of a JPEG"
        ),
        "pick_datasets": names("Datasets", "Of these datasets, or below them"),
        "pick_tags": names("Tags", "With one of these tags"),
        "pick_classes": names("Classes", "With a label of one of these classes"),
        "pick_labelled": switch("Which pictures", "Only with labels"),
        "shares": Param(
            "",
            type=["string", "null"],
            format="multiline",
            pattern=SHARE_LINES,
            section="Shares and layout",
            title="Shares",
            description_md="`train: 0.8`, a line each, 1 together. Empty: the archive is not split.",
        ),
        "split_by": Param(
            "item",
            type="string",
            pattern="^(item|dataset|tag:.+)$",
            section="Shares and layout",
            title="Split by",
            description="What goes together: item, dataset, or the value of a tag (tag:camera)",
            examples=["item", "dataset"],
        ),
        "split_seed": Param(
            "", type=["string", "null"], section="Shares and layout", title="Seed", description="Another, another split"
        ),
        "layout": choice(
            "Shares and layout",
            "Layout",
            supervisely="folders, as Supervisely has them",
            webdataset="WebDataset shards",
        ),
        "redact": switch("Shares and layout", "Without people", "Names and ids of who labelled are left out"),
        "on_bad_item": choice(
            "More",
            "Pictures that cannot be exported",
            fail="fail the export, naming all of them",
            skip="leave them out, and list them",
        ),
        "unknown_colors": choice(
            "More", "Colours for classes that the project does not have", error="fail the export", warn="warn"
        ),
        "if_exists": choice(
            "More", "An archive of that name", replace="replace it", fail="fail", rename="take the next free name"
        ),
        "reuse": Param(True, type="boolean", section="More", title="Reuse", description="Off: all is rendered again"),
    },
)
def save_masks_on_demand() -> None:
    @task(
        task_display_name="Layer",
        doc_md="The form's fields as the layer's JSON and options. Red where one of them cannot be.",
        multiple_outputs=True,
    )
    def layer() -> dict[str, Any]:
        from airflow.sdk.exceptions import AirflowFailException

        from airflow_savemasks.engine.errors import SettingsError
        from airflow_savemasks.engine.settings.layer import parse_layer
        from airflow_savemasks.engine.settings.options import Options

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
        human = {key: params[f"human_{key}"] for key in ("alpha", "layout", "max_side", "format", "quality")}
        wanted = {key: params[f"pick_{key}"] for key in ("datasets", "tags", "classes", "labelled")}
        pick = {key: value for key, value in wanted.items() if value} or None
        lines = (line.rpartition(":") for line in (params["shares"] or "").splitlines() if line.strip())
        shares = [[name.strip(), float(share)] for name, _, share in lines]
        split = {"shares": shares, "by": params["split_by"], "seed": params["split_seed"] or ""} if shares else None
        try:
            parse_layer(made)
            Options(human=human, pick=pick, split=split)
        except SettingsError as error:
            raise AirflowFailException(error.told()) from None
        return {"layer": made, "human": human, "pick": pick, "split": split}

    made = layer()
    SaveMasksOperator(
        task_id="save_masks",
        task_display_name="Save masks",
        doc_md="The chosen project as an archive.",
        layer=made["layer"],
        sources={"$data_1": "{{ params.project }}"},
        project_conn_id=CONNECTION,
        human=made["human"],
        pick=made["pick"],
        split=made["split"],
        **{name: f"{{{{ params.{name} }}}}" for name in AS_THEY_ARE},
    )


save_masks_on_demand()
