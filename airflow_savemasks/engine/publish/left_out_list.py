"""The list of what an archive leaves out, beside it: whether it is that of the archive, and making it so again.

An export that is refused for its bad items writes theirs under the same name, and the archive that is there stays.
"""

from __future__ import annotations

from typing import Any

import orjson

from airflow_savemasks.engine.archive.bad_items import BadItem, write_skipped
from airflow_savemasks.engine.archive.naming import bad_items_path
from airflow_savemasks.engine.archive.published import Published
from airflow_savemasks.engine.errors import MEND
from airflow_savemasks.engine.storage.base import Storage


def has_own_list(team_files: Storage, archive: Published) -> bool:
    """Whether the list tells of just the items that the archive leaves out; none where it leaves out nothing."""
    path = bad_items_path(archive.name)
    entry = team_files.stat(path)
    if entry is None or not archive.skipped:
        return entry is None and not archive.skipped
    try:
        listed = [orjson.loads(line)["item"] for line in team_files.read(path).splitlines()]
    except (ValueError, KeyError, TypeError):
        return False
    return listed == [one["item"] for one in _skipped(archive)]


def write_own_list(team_files: Storage, archive: Published) -> None:
    """Write the list as the manifest has it, or remove one that is there where nothing is left out."""
    where = team_files.locate(f"{archive.name}.tar")
    write_skipped(
        team_files, archive.name, [BadItem(one["item"], where, one["reason"], MEND) for one in _skipped(archive)]
    )


def _skipped(archive: Published) -> list[dict[str, Any]]:
    return archive.raw["skipped"]  # type: ignore[no-any-return]
