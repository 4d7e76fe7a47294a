"""Figures of exports for Airflow's own metrics: whatever [metrics] has configured (StatsD, Datadog, OpenTelemetry)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_savemasks.engine.errors import BadItemsError
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.progress import Progress, images_per_second

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

PREFIX = "savemasks"
# where Airflow keeps its metrics for tasks: 3.3, 3.2, and before
PLACES = ("airflow.sdk.observability.stats", "airflow.observability.stats", "airflow.stats")
Emit = Callable[[str, str, float], None]


def tags_of(task: BaseOperator) -> dict[str, str]:
    """Of the metrics of a task; one that belongs to no DAG has no metrics of a DAG."""
    ids = {"task_id": task.task_id}
    return {"dag_id": task.dag_id, **ids} if task.has_dag() else ids  # type: ignore[no-untyped-call]


@contextmanager
def counted(tags: Mapping[str, str], progress: Progress) -> Iterator[Callable[[Any], None]]:
    """Goes around a task's work, and emits what it came to, however it ended.

    tags: dag_id and task_id; progress: what counts items, bytes and seconds of this very task. Gives a function that
    takes the task's result, whatever that is.
    """
    kept: list[Any] = []
    error: BaseException | None = None
    try:
        yield kept.append
    except BaseException as raised:
        error = raised
        raise
    finally:
        try:
            _emit_all(_emitter(tags), progress, kept[-1] if kept else None, error)
        except Exception as problem:  # noqa: BLE001  # an export must not fail with what counts it
            log.warning("its metrics are not emitted: %s", problem)


def _emit_all(emit: Emit, progress: Progress, result: Any, error: BaseException | None) -> None:
    for stage, seconds in progress.stages.items():
        emit("timing", f"duration.{stage}", 1000 * seconds)
    if "render" in progress.stages:
        emit("incr", "items_rendered", progress.rendered)
        emit("incr", "bytes_rendered", progress.bytes)
        if speed := images_per_second(progress.rendered, progress.stages):
            emit("gauge", "images_per_second", speed)
    if isinstance(result, Mapping) and "archive" in result:
        emit("incr", "items_reused", result["items"]["reused"])
        emit("incr", "items_skipped", result["items"]["skipped"])
        emit("gauge", "archive_bytes", result["bytes"])
        emit("incr", "exports_unchanged" if result["unchanged"] else "exports_published", 1)
    if error is not None:
        emit("incr", "failures", 1)
    if isinstance(error, BadItemsError):
        emit("incr", "items_bad", error.count)


def _emitter(tags: Mapping[str, str]) -> Emit:
    """Emits under one name with tags, and, as Airflow does for its own, under one that has the ids in it.

    A StatsD without tags tells DAGs apart by the latter; [metrics] legacy_names_on = False leaves them out.
    """
    from airflow.sdk.configuration import conf

    stats = _stats()
    ids = ".".join(_part(value) for value in tags.values())
    named = bool(ids) and conf.getboolean("metrics", "legacy_names_on", fallback=True)

    def emit(kind: str, name: str, value: float) -> None:
        if named:
            getattr(stats, kind)(f"{PREFIX}.{ids}.{name}", value)
        getattr(stats, kind)(f"{PREFIX}.{name}", value, tags=dict(tags))

    return emit


def _part(name: str) -> str:
    """An id as one part of a name: dots separate parts, and StatsD knows few other letters."""
    dotless = name.replace(".", "__")
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "_" for letter in dotless)


def _stats() -> Any:
    """Airflow's `Stats`, wherever this version has it. Raises ImportError."""
    for place in PLACES:
        try:
            return import_module(place).Stats
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"this Airflow has its metrics at none of {', '.join(PLACES)}")
