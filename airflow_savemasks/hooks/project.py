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
        """The project (folder, .tar, .zip) at a URI, an absolute path, or one below the root. Raises SettingsError."""
        from airflow_savemasks.engine.project import StorageProject
        from airflow_savemasks.engine.sources import connections_of
        from airflow_savemasks.engine.storage import unpacked
        from airflow_savemasks.engine.supervisely.uris import is_instance

        if "://" not in uri and not uri.startswith(("/", "~")):
            if self.root is None:
                raise SettingsError(
                    f"source {uri!r}",
                    "is neither a URI nor an absolute path, and there is no root to look below",
                    f"Write it whole, or add the connection {self.conn_id!r} with a root",
                )
            uri = f"{self.root.rstrip('/')}/{uri}"
        if is_instance(uri):
            return self.supervisely().project(uri)
        return StorageProject(unpacked(self.storage(uri)), connections=connections_of(uri))
