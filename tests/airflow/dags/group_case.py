"""A task group whose layer and source come with the run."""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.task_groups import save_masks_group


@dag(schedule=None, params={"project": Param("", type="string"), "layer": Param({}, type="object")})
def group_case() -> None:
    @task
    def data_1() -> str:
        return get_current_context()["params"]["project"]

    @task
    def layer() -> dict:
        return dict(get_current_context()["params"]["layer"])

    data_1() >> save_masks_group(layer=layer(), batches=4)


group_case()
