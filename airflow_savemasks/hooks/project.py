"""Source projects by URI, by path, or by their name below the connection's root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.hooks.storage import StorageHook

if TYPE_CHECKING:
    from airflow_savemasks.engine.project import Source


class ProjectHook(StorageHook):
    """Opens projects. Without the default connection, URIs and absolute paths still work."""

    default_conn_name = "savemasks_projects_default"
    hook_name = "Save Masks projects"

    @property
    def root(self) -> str | None:
        """Where a graph's projects lie, if the connection says so."""
        root = self.fields().get("root")
        return root if isinstance(root, str) and root else None

    def open(self, uri: str) -> Source:
        """The project at a URI, an absolute path, or a path below the root. Raises SettingsError."""
        from airflow_savemasks.engine.project import StorageProject
        from airflow_savemasks.engine.sources import connections_of

        if "://" not in uri and not uri.startswith(("/", "~")):
            if self.root is None:
                raise SettingsError(
                    f"source {uri!r}",
                    "is neither a URI nor an absolute path, and there is no root to look below",
                    f"Write it whole, or add the connection {self.conn_id!r} with a root",
                )
            uri = f"{self.root.rstrip('/')}/{uri}"
        return StorageProject(self.storage(uri), connections=connections_of(uri))
