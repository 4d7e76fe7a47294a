"""An export whose project and layer come with the run."""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task

from airflow_savemasks.operators.save_masks import SaveMasksOperator

WORDS = {"machine_png": "auto", "instances": "none", "semantic": "false", "layout": "supervisely", "dry_run": "false"}


@dag(
    schedule=None,
    params={
        "project": Param("", type="string"),
        "layer": Param({}, type="object"),
        "on_bad_item": Param("fail", enum=["fail", "skip"]),
        "options": Param({}, type="object"),
    },
)
def browser_case() -> None:
    @task
    def data_1() -> str:
        return get_current_context()["params"]["project"]

    @task
    def layer() -> dict:
        return dict(get_current_context()["params"]["layer"])

    data_1() >> SaveMasksOperator(
        task_id="save_masks",
        layer=layer(),
        workers=1,
        on_bad_item="{{ params.on_bad_item }}",
        **{name: f"{{{{ params.options.get('{name}', '{word}') }}}}" for name, word in WORDS.items()},
        **{name: f"{{{{ params.options.get('{name}') | tojson }}}}" for name in ("human", "pick", "split")},
    )


browser_case()
