"""A storage client from the connection that a team already has; each provider is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.in_flight import MOST as CONNECTIONS
from airflow_savemasks.engine.storage.uris import scheme_of

# scheme -> module and class of the hook, its argument for the connection, the default connection, our extra
HOOKS = {
    "s3": ("airflow.providers.amazon.aws.hooks.s3", "S3Hook", "aws_conn_id", "aws_default", "s3"),
    "gs": ("airflow.providers.google.cloud.hooks.gcs", "GCSHook", "gcp_conn_id", "google_cloud_default", "gcs"),
    "azure": ("airflow.providers.microsoft.azure.hooks.wasb", "WasbHook", "wasb_conn_id", "wasb_default", "azure"),
    "sftp": ("airflow.providers.sftp.hooks.sftp", "SFTPHook", "ssh_conn_id", "sftp_default", "sftp"),
}


OBJECT_STORAGES = ("s3", "gs", "azure")


def is_missing(error: Exception) -> bool:
    """Whether an error of Airflow says that there is no such connection: its class moves between releases."""
    return type(error).__name__ == "AirflowNotFoundException"


def preload(uri: str) -> None:
    """Import the provider for a URI's scheme, if it is there: that takes seconds, which no server is to blame for."""
    if (hook := HOOKS.get(scheme_of(uri))) is not None:
        with suppress(ImportError):
            import_module(hook[0])


def client_factory(uri: str, conn_id: str | None, options: Mapping[str, Any] | None = None) -> FromConnection | None:
    """Makes the client for a URI's scheme from an Airflow connection; None for folders.

    conn_id: of the connection with the credentials; None takes the provider's own default connection.
    options: what a bucket's policy asks of each request, in the names of the cloud's client. Raises SettingsError for
    options of a storage that has no objects.
    """
    scheme = scheme_of(uri)
    if options and scheme not in OBJECT_STORAGES:
        fix = f"Remove object_options, or write to one of {[f'{name}://' for name in OBJECT_STORAGES]}"
        raise SettingsError(uri, f"{scheme}:// has no options of objects", fix)
    return FromConnection(uri, scheme, conn_id, options) if scheme in HOOKS else None


class FromConnection:
    """Makes clients by the hook of one connection. credentials: what an access error tells people to look at.

    options: for the storage; those of an AWS connection (service_config, s3, extra_args) are added with its client.
    A connection that was named has to exist; without the default one, some hooks take the machine's own credentials.
    """

    def __init__(self, uri: str, scheme: str, conn_id: str | None, options: Mapping[str, Any] | None = None) -> None:
        self._uri = uri
        self._scheme = scheme
        self._named = conn_id is not None
        self.conn_id = conn_id or HOOKS[scheme][3]
        self._hook: Any = None  # held as long as the storage: paramiko ends a connection that nobody holds
        self.options: dict[str, Any] = dict(options or {})
        self.credentials = f"the Airflow connection {self.conn_id!r}"

    def connection(self) -> str:
        """The connection as JSON, secrets and all. Raises what the lookup raises."""
        module, name, *_ = HOOKS[self._scheme]
        return str(getattr(import_module(module), name).get_connection(self.conn_id).as_json())

    def __call__(self) -> Any:
        """A new client. Raises SettingsError for a missing extra or connection, or one for another host."""
        module, name, argument, _, extra = HOOKS[self._scheme]
        try:
            hook_class = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise SettingsError(
                self._uri, f"{error.name} is not installed", f"Install it: pip install 'airflow-savemasks[{extra}]'"
            ) from error
        try:
            if self._named:
                hook_class.get_connection(self.conn_id)
            self._hook = hook_class(**{argument: self.conn_id})
            if self._scheme == "s3":
                self._prepare_s3(hook_class)
            if self._scheme == "sftp":
                self._check_host()
            return self._hook.get_conn()
        except Exception as error:
            if not is_missing(error):
                raise
            raise SettingsError(
                self._uri,
                f"needs the connection {self.conn_id!r}, which does not exist",
                "Add it, or name another one as storage_conn_id of the savemasks connection",
            ) from error

    def _prepare_s3(self, hook_class: Any) -> None:
        """As many connections as there are requests at once, unless config_kwargs says how many; the options."""
        from botocore.config import Config

        config = Config(max_pool_connections=CONNECTIONS).merge(self._hook.conn_config.botocore_config or Config())
        self.options = {**self._hook.service_config.get("extra_args", {}), **self.options}
        self._hook = hook_class(aws_conn_id=self.conn_id, config=config)

    def _check_host(self) -> None:
        """A password goes to nobody but the host that its connection names."""
        wanted = urlsplit(f"//{self._uri.partition('://')[2].partition('/')[0]}")
        host, port = self._hook.remote_host, int(self._hook.port or 22)
        if wanted.hostname != host.lower() or (wanted.port or port) != port:
            raise SettingsError(
                self._uri,
                f"the connection {self.conn_id!r} is for the host {host}:{port}",
                "Name its host, or its own connection",
            )
