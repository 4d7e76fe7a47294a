"""An export whose form says whether it is only planned."""

from __future__ import annotations

from airflow.sdk import Asset, Param, dag

from airflow_savemasks.operators.save_masks import SaveMasksOperator


@dag(
    schedule=None,
    params={
        "project": Param("", type="string"),
        "layer": Param({}, type="object"),
        "plan": Param(True, type="boolean"),
    },
    render_template_as_native_obj=True,
)
def planned_case() -> None:
    SaveMasksOperator(
        task_id="save_masks",
        layer="{{ params.layer }}",
        sources={"$data_1": "{{ params.project }}"},
        team_files_conn_id="golden_team_files",
        dry_run="{{ params.plan }}",
        outlets=[Asset("planned_masks")],
    )


planned_case()
