"""An export, alone and as a group, that tells aliases and assets; a DAG that reads what their events carry."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias, Param, dag, get_current_context, task

from airflow_savemasks.operators.save_masks import SaveMasksOperator
from airflow_savemasks.task_groups import save_masks_group

PARAMS = {
    "project": Param("", type="string"),
    "dst": Param("export", type="string"),
    "on_bad_item": Param("fail", type="string"),
}
LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "{{ params.dst }}",
    "settings": {
        "masks_machine": True,
        "masks_human": False,
        "gt_machine_color": {"leaf": [100, 100, 100], "box": [200, 200, 200]},
    },
}
ARGUMENTS = {
    "layer": LAYER,
    "sources": {"$data_1": "{{ params.project }}"},
    "on_bad_item": "{{ params.on_bad_item }}",
    "outlets": [Asset("seen_masks"), AssetAlias("seen_alias")],
}


@dag(schedule=None, params=PARAMS)
def seen_case() -> None:
    SaveMasksOperator(task_id="save_masks", **ARGUMENTS)


@dag(schedule=None, params=PARAMS)
def seen_group() -> None:
    save_masks_group(batches=2, **ARGUMENTS)


@dag(schedule=[AssetAlias("seen_alias")])
def reads_alias() -> None:
    @task(inlets=[AssetAlias("seen_alias")])
    def read() -> list:
        context = get_current_context()
        last = context["inlet_events"][AssetAlias("seen_alias")][-1]
        triggering = [event for events in context["triggering_asset_events"].values() for event in events]
        return [last.asset.uri, last.extra, [[event.asset.uri, event.extra] for event in triggering]]

    read()


@dag(schedule=[Asset("seen_masks")])
def reads_asset() -> None:
    @task
    def read() -> list:
        context = get_current_context()
        return [event.extra for events in context["triggering_asset_events"].values() for event in events]

    read()


seen_case()
seen_group()
reads_alias()
reads_asset()
