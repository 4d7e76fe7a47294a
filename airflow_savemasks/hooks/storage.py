"""The connection type `savemasks`: a root URI, and the id of the connection that holds the credentials for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from airflow.sdk import BaseHook

from airflow_savemasks.engine.errors import SaveMasksError, SettingsError
from airflow_savemasks.engine.storage import open_storage, scheme_of
from airflow_savemasks.engine.supervisely.uris import is_instance
from airflow_savemasks.hooks.clients import client_factory
from airflow_savemasks.hooks.supervisely import SuperviselyHook

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage import Storage


class StorageHook(BaseHook):
    """What ProjectHook and TeamFilesHook share. The connection is looked up when it is needed, and may be missing."""

    conn_name_attr = "conn_id"
    default_conn_name = "savemasks_default"
    conn_type = "savemasks"
    hook_name = "Save Masks storage"

    def __init__(self, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id or self.default_conn_name
        self._fields: dict[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        """`root` and `storage_conn_id` of the connection; empty where the default connection does not exist.

        Raises SettingsError for a connection of another name that does not exist, or of another type.
        """
        if self._fields is None:
            self._fields = self._read_fields()
        return self._fields

    def storage(self, uri: str) -> Storage:
        """The storage at a URI, with the credentials that this connection names."""
        if is_instance(uri):
            return self.supervisely().team_files(uri, self._parts_storage(uri))
        conn_id = self.fields().get("storage_conn_id")
        root = self.fields().get("root")
        if conn_id and root and scheme_of(root) != scheme_of(uri):
            conn_id = None  # the credentials are those of the root's scheme
        return open_storage(uri, client_factory(uri, conn_id))

    def supervisely(self) -> SuperviselyHook:
        """The instance whose connection is named as storage_conn_id, or the default one."""
        root = self.fields().get("root") or ""
        return SuperviselyHook(self.fields().get("storage_conn_id") if is_instance(root) else None)

    def _parts_storage(self, uri: str) -> Storage:
        """Where parts of an archive in an instance's Team Files lie: `parts_root`, or a folder of this machine."""
        fields = self.fields()
        root = fields.get("parts_root")
        if not root:
            home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
            root = str(home / "savemasks_parts" / quote(uri, safe=""))
            self.log.info(
                "No parts_root in %r: parts lie in %s, and a retry on another worker renders again", self.conn_id, root
            )
        return open_storage(root, client_factory(root, fields.get("parts_conn_id")))

    def test_connection(self) -> tuple[bool, str]:
        """List the root and write a small file there, for the Test button."""
        root = self.fields().get("root")
        if not root:
            return False, "The connection has no root; write a URI such as s3://bucket/folder"
        probe = f".savemasks-{uuid4().hex}"
        try:
            storage = self.storage(root)
            found = storage.listdir("")
            count = len(found.folders) + len(found.files)
        except SaveMasksError as error:
            return False, str(error)
        try:
            with storage.writing(probe) as out:
                out.write(b"probe")
            storage.delete([probe])
        except SaveMasksError as error:
            return True, f"{storage.uri} can be read ({count} entries) but not written: {error}"
        return True, f"{storage.uri} can be read ({count} entries) and written"

    def _read_fields(self) -> dict[str, Any]:
        try:
            connection = self.get_connection(self.conn_id)
        except Exception as error:
            if type(error).__name__ != "AirflowNotFoundException":
                raise
            if self.conn_id == self.default_conn_name:
                return {}
            raise SettingsError(
                f"connection {self.conn_id!r}", "does not exist", f"Add it, of type {self.conn_type!r}"
            ) from error
        if connection.conn_type != self.conn_type:
            raise SettingsError(
                f"connection {self.conn_id!r}",
                f"is of type {connection.conn_type!r}",
                f"Use one of type {self.conn_type!r}; it names the one with the credentials as storage_conn_id",
            )
        return dict(connection.extra_dejson)
