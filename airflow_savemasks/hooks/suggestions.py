"""What a DAG's page and form may say of this deployment: the projects below a root, connections that are missing."""

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


def missing_connections(*conn_ids: str) -> str:
    """Lines for a DAG's page that name those which do not exist, with a line to add each; "" where all are there.

    For `doc_md`: Markdown that follows on the page's own text. What cannot be told is not said.
    """
    from airflow.sdk import BaseHook

    from airflow_savemasks.hooks.clients import is_missing

    lines = []
    for conn_id in conn_ids:
        try:
            BaseHook.get_connection(conn_id)
        except Exception as error:  # noqa: BLE001 - a DAG has to parse all the same, and its run tells what is wrong
            if is_missing(error):
                lines.append(f"\n\n> **Missing here:** the connection `{conn_id}`. Add it under Admin, Connections.")
    return "".join(lines)
