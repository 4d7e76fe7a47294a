"""The connection type `savemasks`: a root URI, and the id of the connection that holds the credentials for it.

The root is the connection's host, which Airflow's list shows; those that have it as `root` among their extras work the
same.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseHook

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.storage.uris import scheme_of
from airflow_savemasks.engine.supervisely.uris import is_instance
from airflow_savemasks.hooks.again import Again
from airflow_savemasks.hooks.clients import client_factory, is_missing, preload
from airflow_savemasks.hooks.secrets import refuse_password
from airflow_savemasks.hooks.supervisely import SuperviselyHook
from airflow_savemasks.hooks.testing import of_folder, of_storage, within
from airflow_savemasks.hooks.this_machine import home_folder
from airflow_savemasks.provider import STORAGE_FIELDS

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.base import Storage


BELOW_A_BUCKET = 2  # slashes: s3://bucket is the parent of s3://bucket/folder
KNOWN = ("root", *STORAGE_FIELDS)
OPTIONS_FIX = 'Write an object such as {"ServerSideEncryption": "aws:kms"}'


class StorageHook(BaseHook):
    """What ProjectHook and TeamFilesHook share. The connection is looked up when it is needed, and may be missing."""

    conn_name_attr = "conn_id"
    default_conn_name = "savemasks_default"
    conn_type = "savemasks"
    hook_name = "Save Masks storage"

    def __init__(self, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id or self.default_conn_name
        self.exists = False  # known once the fields were read
        self._fields: dict[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of the connection; empty where the default connection does not exist.

        Raises SettingsError for a connection of another name that does not exist, one of another type, and a field
        that looks like a misspelt one: what `Root` or `only_bellow_root` says would be ignored in silence.
        """
        if self._fields is None:
            self._fields = self._read_fields()
        return self._fields

    @property
    def root(self) -> str | None:
        """The root; None where the default connection does not exist.

        Raises SettingsError for a connection without one, what is no text, or not absolute.
        """
        root = self.fields().get("root")
        if root is not None and not isinstance(root, str):
            raise SettingsError(self._where, f"its root is a {type(root).__name__}", "Write a path or a URI")
        root = root.strip() if root else ""
        if root and "://" not in root and not root.startswith(("/", "~")):
            raise SettingsError(self._where, f"its root {root!r} is not absolute", "Write /a/path, or a URI")
        if self.exists and not root:
            raise SettingsError(
                self._where, "has no root", "Write one as its host, such as /data or s3://bucket/folder"
            )
        return root or None

    @property
    def only_below_root(self) -> bool:
        """Whether nothing but what lies below the root may be read. Raises SettingsError for neither true nor false."""
        given = self.fields().get("only_below_root")
        text = str(given).strip().lower()
        if given is None or text in ("", "false"):
            return False
        if text != "true":
            raise SettingsError(
                self._where, f"only_below_root: {given!r} is neither true nor false", "Write true or false"
            )
        return True

    @property
    def object_options(self) -> dict[str, Any] | None:
        """What a bucket's policy asks of each request. Raises SettingsError for what is no JSON object."""
        given = self.fields().get("object_options") or None
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except (ValueError, RecursionError) as error:
                raise SettingsError(self._where, f"its object_options are no JSON ({error})", OPTIONS_FIX) from error
        if given is not None and not isinstance(given, dict):
            raise SettingsError(self._where, f"its object_options are a {type(given).__name__}", OPTIONS_FIX)
        return given

    def storage(self, uri: str, *, confined: bool = False) -> Storage:
        """The storage at a URI, with the credentials that this connection names. confined: no link leads out of it."""
        refuse_password(uri)
        if is_instance(uri):
            return self.supervisely().team_files(uri, self._parts_storage(uri))
        return open_storage(uri, client_factory(uri, *self._credentials(uri)), confined=confined)

    def again(self, uri: str, path: str = "") -> Again | None:
        """Opens a project in a storage once more, in another process; None for what needs no connection for that."""
        conn_id, options = self._credentials(uri)
        client = None if is_instance(uri) else client_factory(uri, conn_id, options)
        return Again(uri, path, client, options) if client else None

    def _credentials(self, uri: str) -> tuple[str | None, dict[str, Any] | None]:
        """storage_conn_id and object_options, for a URI of the root's scheme: they are for that alone."""
        root = self.root
        if root and scheme_of(root) != scheme_of(uri):
            return None, None
        return self.fields().get("storage_conn_id"), self.object_options

    def supervisely(self) -> SuperviselyHook:
        """The instance whose connection is named as storage_conn_id, or the default one."""
        named = self.fields().get("storage_conn_id") if is_instance(self.root or "") else None
        return SuperviselyHook(named)

    def _parts_storage(self, uri: str) -> Storage:
        """Where parts of an archive in an instance's Team Files lie: `parts_root`, or a folder of this machine."""
        fields = self.fields()
        root = fields.get("parts_root")
        if not root:
            root = home_folder("savemasks_parts", quote(uri, safe=""))
            self.log.warning(
                "No parts_root in %r: parts lie in %s, and a retry on another worker renders again", self.conn_id, root
            )
        refuse_password(root)
        client = client_factory(root, fields.get("parts_conn_id"), self.object_options)
        return open_storage(root, client, confined=True)

    def test_connection(self) -> tuple[bool, str]:
        """Look into the root, for the Test button: what is there, and what may be done. Ends within ten seconds.

        Nothing is made, not even for a moment. Importing a provider takes its time before the first answer.
        """
        try:
            preload(self.root or "")
        except SettingsError as error:
            return False, error.told()
        return within(self._look)

    def _look(self) -> tuple[bool, str]:
        root = self.root
        if not root:
            return False, f"connection {self.conn_id!r} does not exist"
        local = scheme_of(root) == "file"
        if local and (problem := of_folder(root)):
            return False, problem
        storage = self.storage(root)
        works, text = of_storage(storage, local=local, is_file=lambda: self._is_file(root))
        return works, f"{text}; only what lies below it may be read" if works and self.only_below_root else text

    def _is_file(self, root: str) -> bool:
        """Whether the root of a bucket, which lists as an empty folder, is a file."""
        folder, _, name = root.rstrip("/").rpartition("/")
        if is_instance(root) or folder.count("/") < BELOW_A_BUCKET:
            return False
        return self.storage(folder).stat(name) is not None

    @property
    def _where(self) -> str:
        return f"connection {self.conn_id!r}"

    def _read_fields(self) -> dict[str, Any]:
        try:
            connection = self.get_connection(self.conn_id)
        except Exception as error:
            if not is_missing(error):
                raise
            if self.conn_id == self.default_conn_name:
                return {}
            fix = f"Add it, of type {self.conn_type!r}, with a root as its host"
            raise SettingsError(self._where, "does not exist", fix) from error
        if connection.conn_type != self.conn_type:
            raise SettingsError(
                self._where,
                f"is of type {connection.conn_type!r}",
                f"Use one of type {self.conn_type!r}; it names the one with the credentials as storage_conn_id",
            )
        self.exists = True
        fields = dict(connection.extra_dejson)
        for name in fields:
            plain = name.rpartition("__")[2].lower().replace("-", "_").replace(" ", "_")
            if name not in KNOWN and (close := get_close_matches(plain, KNOWN, 1, 0.8)):
                raise SettingsError(self._where, f"has a field {name!r}", f"Did you mean {close[0]!r}?")
        if host := _host(connection.host, connection.schema):
            if fields.get("root") not in (None, "", host):
                raise SettingsError(
                    self._where, f"has two roots, {host!r} as its host and {fields['root']!r} among its extras",
                    "Leave the one that is meant",
                )  # fmt: skip
            fields["root"] = host
        return fields


def _host(host: str | None, schema: str | None) -> str:
    """The root in host and schema: of a connection that is written as a URI, the latter has what follows a bucket."""
    return "/".join(part for part in ((host or "").strip(), (schema or "").strip()) if part)
