"""Source projects by URI, by path, or by their name below the connection's root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.hooks.again import SECONDS
from airflow_savemasks.hooks.below_root import check_packed, path_below
from airflow_savemasks.hooks.secrets import refuse_password
from airflow_savemasks.hooks.storage import StorageHook

if TYPE_CHECKING:
    from airflow_savemasks.engine.project.source import Source


class ProjectHook(StorageHook):
    """Opens projects. Without the default connection, URIs and absolute paths still work."""

    default_conn_name = "savemasks_projects_default"
    hook_name = "Save Masks projects"

    def open(self, uri: str) -> Source:
        """The project (a folder or packed) at a URI, an absolute path, or one below the root.

        A packed one may lie behind any scheme that smart_open knows (engine/storage/stream.py); no connection has
        credentials for those. Where the connection says `only_below_root`, nothing else, and no link leads out of the
        root. Raises SettingsError.
        """
        from airflow_savemasks.engine.opening import connections_of, open_folder, open_project
        from airflow_savemasks.engine.project.stored import StorageProject
        from airflow_savemasks.engine.storage.folder import FolderStorage
        from airflow_savemasks.engine.storage.opening import is_stream, unpacked
        from airflow_savemasks.engine.storage.uris import PACKED
        from airflow_savemasks.engine.supervisely.uris import is_instance

        refuse_password(uri)
        if self.only_below_root:
            return self._open_below(uri)
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
        if is_stream(uri):
            return open_project(uri)
        storage = unpacked(self.storage(uri))
        if isinstance(storage, FolderStorage):
            return open_folder(uri)  # which worker processes can open as well, without Airflow
        again = None if uri.lower().endswith(PACKED) else self.again(uri)
        return StorageProject(storage, connections=connections_of(uri), again=again, opening_seconds=SECONDS)

    def _open_below(self, uri: str) -> Source:
        from airflow_savemasks.engine.opening import connections_of, open_folder
        from airflow_savemasks.engine.project.stored import StorageProject
        from airflow_savemasks.engine.storage.folder import FolderStorage
        from airflow_savemasks.engine.storage.opening import unpacked
        from airflow_savemasks.engine.storage.uris import PACKED
        from airflow_savemasks.engine.supervisely.uris import is_instance

        root = self.root
        assert root is not None  # the connection exists, as it says only_below_root
        path = path_below(root, uri, self.conn_id)
        if is_instance(root):
            return self.supervisely().project(f"{root.rstrip('/')}/{path}")
        storage = self.storage(root, confined=True)
        connections = connections_of(root)
        if path.lower().endswith(PACKED) and storage.stat(path) is not None:
            check_packed(root, path, self.conn_id)
            packed = self.storage(storage.locate(path), confined=True)
            return StorageProject(unpacked(packed), connections=connections)
        if isinstance(storage, FolderStorage):
            return open_folder(root, path, confined=True)
        again = self.again(root, path)
        return StorageProject(storage, path, connections, again=again, opening_seconds=SECONDS)
