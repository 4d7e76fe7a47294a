"""What a form may suggest: the projects below the root of a connection."""

from __future__ import annotations

from itertools import islice

from airflow_savemasks.hooks.this_machine import folder_at

MOST_LOOKED_AT = 1000  # entries of the root, as a DAG's file is parsed every half minute


def projects_below(conn_id: str, most: int = 50) -> list[str]:
    """Folders with a meta.json and packed projects right below the root of a connection, by name.

    For the `examples` of a `Param`. Nothing where the root is no folder of this machine, or cannot be looked into: a
    DAG has to parse all the same, and looks over no network.
    """
    from airflow_savemasks.engine.storage.uris import PACKED, scheme_of
    from airflow_savemasks.hooks.project import ProjectHook

    try:
        root = ProjectHook(conn_id).root
        if not root or scheme_of(root) != "file":
            return []
        entries = list(islice(folder_at(root).iterdir(), MOST_LOOKED_AT))
        found = [path.name for path in entries if path.name.lower().endswith(PACKED) or (path / "meta.json").is_file()]
    except Exception:  # noqa: BLE001 - whatever it is, the run tells it
        return []
    return sorted(found)[:most]
