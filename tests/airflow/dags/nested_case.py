"""`$data_1` in nested groups, in a mapped group, and of a task that is mapped by itself; each archive is verified."""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task, task_group

from airflow_savemasks.operators.save_masks import SaveMasksOperator
from airflow_savemasks.operators.verify import VerifyArchiveOperator
from airflow_savemasks.task_groups import save_masks_group

LAYER = {
    "action": "save_masks",
    "src": ["$data_1"],
    "dst": "{{ ti.task_id }}{{ ti.map_index }}",
    "settings": {
        "masks_machine": True,
        "masks_human": False,
        "gt_machine_color": {"leaf": [100, 100, 100], "box": [200, 200, 200]},
    },
}
CONNECTION = "nested_team_files"
PARAMS = {"projects": Param([], type="array")}


def param(number: int) -> str | None:
    return get_current_context()["params"]["projects"][number]


@dag(schedule=None, params=PARAMS)
def nested_case() -> None:
    """`outer.inner.save_masks` takes `outer.data_1`, `outer.other.fanned` its own, `save_masks` the outermost."""

    @task(task_id="data_1")
    def outermost() -> str | None:
        return param(0)

    @task(task_id="data_1")
    def nearer() -> str | None:
        return param(1)

    @task(task_id="data_1")
    def nearest() -> str | None:
        return param(2)

    def save() -> SaveMasksOperator:
        return SaveMasksOperator(task_id="save_masks", layer=LAYER, team_files_conn_id=CONNECTION)

    outermost() >> save()

    @task_group
    def outer() -> None:
        data = nearer()

        @task_group
        def inner() -> None:
            data >> save()

        @task_group
        def other() -> None:
            layer = {**LAYER, "dst": "fanned"}
            nearest() >> save_masks_group("fanned", layer=layer, team_files_conn_id=CONNECTION, batches=2)

        inner()
        other()

    outer()


@dag(schedule=None, params=PARAMS)
def mapped_case() -> None:
    """A group for each project; `save_masks` of each takes what `data_1` of the same map index returned."""

    @task
    def projects() -> list[str]:
        return get_current_context()["params"]["projects"]

    @task_group
    def export(project: str) -> None:
        @task
        def data_1(project: str) -> str:
            return project

        save = SaveMasksOperator(task_id="save_masks", layer=LAYER, team_files_conn_id=CONNECTION)
        verify = VerifyArchiveOperator(task_id="verify", archive=save.output, team_files_conn_id=CONNECTION)
        data_1(project) >> save >> verify

    export.expand(project=projects())


@dag(schedule=None, params=PARAMS)
def alone_case() -> None:
    """`data_1` is mapped by itself: which of its results is meant?"""

    @task
    def projects() -> list[str]:
        return get_current_context()["params"]["projects"]

    @task
    def data_1(project: str) -> str:
        return project

    save = SaveMasksOperator(task_id="save_masks", layer=LAYER, team_files_conn_id=CONNECTION, retries=3)
    data_1.expand(project=projects()) >> save


@dag(schedule=None, params={**PARAMS, "harm": Param(False, type="boolean")})
def verify_case() -> None:
    """An export, and an archive that is verified by its result, by URI (also as a template's text) and by name."""

    @task
    def data_1() -> str | None:
        return param(0)

    @task
    def harm(result: dict) -> None:
        if get_current_context()["params"]["harm"]:
            with open(result["archive"], "r+b") as file:  # noqa: PTH123
                file.seek(result["bytes"] // 2)
                byte = file.read(1)[0]
                file.seek(result["bytes"] // 2)
                file.write(bytes([byte ^ 1]))

    save = SaveMasksOperator(task_id="save_masks", layer=LAYER, team_files_conn_id=CONNECTION)
    harmed = harm(save.output)
    data_1() >> save
    ways = {
        "result": save.output,
        "text": "{{ ti.xcom_pull('save_masks') }}",
        "uri": "{{ ti.xcom_pull('save_masks')['archive'] }}",
        "name": "save_masks-1",
    }
    for way, archive in ways.items():
        harmed >> VerifyArchiveOperator(
            task_id=f"verify_{way}", archive=archive, team_files_conn_id=CONNECTION, retries=3
        )


@dag(schedule=None)
def secret_case() -> None:
    """A mapped export whose URI, with a password, comes out of a template."""
    uri = "sftp://ann:{{ 'quite-a-' ~ 'secret' }}@host/x"
    SaveMasksOperator.partial(task_id="save_masks", layer=LAYER, team_files_conn_id=CONNECTION, retries=3).expand(
        sources=[{"$data_1": uri}]
    )


nested_case()
secret_case()
mapped_case()
alone_case()
verify_case()
