"""Which task `$data_1` means: the one named `data_1` in the group of the task that asks, or in a group around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from airflow.sdk import BaseOperator

from airflow_savemasks.engine.errors import SettingsError

NOT_MAPPED = -1  # the map index of a task that is not mapped
EXAMPLE = 'Write {"$data_1": "/path or URI"}'


def checked_sources(given: Any) -> dict[str, str]:
    """The operator's argument `sources`, also as the JSON text of a template. Raises SettingsError."""
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip().lower() not in ("", "none") else None
        except (ValueError, RecursionError):
            raise SettingsError("sources", "is a text that is no JSON", EXAMPLE) from None
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise SettingsError("sources", f"is a {type(given).__name__}", EXAMPLE)
    for name, uri in given.items():
        if not isinstance(uri, str) or not uri.strip():
            raise SettingsError(f"sources, {name!r}", f"is {_kind(uri)}", "Write the project's URI or path")
    return dict(given)


def find_source(task: BaseOperator, instance: Any, name: str) -> str:
    """What the task that `name` (`$data_1`) means returned: a project's URI or path.

    task: that asks; instance: its task instance. The nearest task of that name counts, whatever it returned. In a
    mapped group each copy takes what its own copy of the task returned. Raises SettingsError where there is no such
    task, where it is mapped by itself, or where it returned no text.
    """
    wanted = name.removeprefix("$")
    where, fix = f"src {name!r}", f"Add it to sources, or let a task named {wanted!r} return the project's URI or path"
    tried = list(candidates(task.task_id, wanted))
    if task.has_dag():  # type: ignore[no-untyped-call]
        tried = [one for one in tried if task.get_dag().has_task(one)][:1]  # type: ignore[union-attr]
    if not tried:
        raise SettingsError(where, f"is not in sources, and the DAG has no task {wanted!r} for it", fix)
    value = None
    for candidate in tried:
        value = instance.xcom_pull(task_ids=candidate, map_indexes=_index(task, instance, candidate, where))
        if value is not None:
            break
    if not isinstance(value, str) or not value:
        raise SettingsError(where, f"is not in sources, and the task {wanted!r} returned {_kind(value)}", fix)
    return value


def candidates(asking: str, wanted: str) -> Iterator[str]:
    """Ids that `wanted` may have, the nearest first: `a.b.save`, `data_1` -> `a.b.data_1`, `a.data_1`, `data_1`."""
    group = asking.rpartition(".")[0]
    while group:
        yield f"{group}.{wanted}"
        group = group.rpartition(".")[0]
    yield wanted


def _index(task: BaseOperator, instance: Any, candidate: str, where: str) -> int:
    """The map index under which a candidate's XCom lies: that of the asking task if one mapped group holds both."""
    if not task.has_dag():  # type: ignore[no-untyped-call]
        return NOT_MAPPED
    found = task.get_dag().get_task(candidate)  # type: ignore[union-attr]
    if not found.get_needs_expansion():
        return NOT_MAPPED
    ours, theirs = task.get_closest_mapped_task_group(), found.get_closest_mapped_task_group()
    if ours is None or theirs is None or ours.group_id != theirs.group_id:
        raise SettingsError(
            where,
            f"the task {candidate!r} is mapped, and so has more than one result",
            "Put both tasks into one mapped task group, or say in sources which result is meant",
        )
    return int(instance.map_index)


def _kind(value: Any) -> str:
    """What somebody gave, without repeating it: there may be a password in it."""
    if value is None:
        return "nothing"
    return "an empty text" if isinstance(value, str) else f"a {type(value).__name__}"
