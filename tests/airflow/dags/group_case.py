"""A task group whose layer, source and options of masks come with the run."""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.engine.settings.mask_options import MaskOptions
from airflow_savemasks.task_groups import save_masks_group

OPTIONS = {name: f"{{{{ params.options.get('{name}', '') }}}}" for name in MaskOptions.model_fields}


@dag(
    schedule=None,
    params={
        "project": Param("", type="string"),
        "layer": Param({}, type="object"),
        "options": Param({}, type="object"),
    },
)
def group_case() -> None:
    @task
    def data_1() -> str:
        return get_current_context()["params"]["project"]

    @task
    def layer() -> dict:
        return dict(get_current_context()["params"]["layer"])

    data_1() >> save_masks_group(layer=layer(), batches=4, **OPTIONS)


group_case()
