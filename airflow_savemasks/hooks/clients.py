"""A storage client from the connection that a team already has; each provider is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage import ClientFactory, scheme_of

# scheme -> module and class of the hook, its argument for the connection, the default connection, our extra
HOOKS = {
    "s3": ("airflow.providers.amazon.aws.hooks.s3", "S3Hook", "aws_conn_id", "aws_default", "s3"),
    "gs": ("airflow.providers.google.cloud.hooks.gcs", "GCSHook", "gcp_conn_id", "google_cloud_default", "gcs"),
    "azure": ("airflow.providers.microsoft.azure.hooks.wasb", "WasbHook", "wasb_conn_id", "wasb_default", "azure"),
    "sftp": ("airflow.providers.sftp.hooks.sftp", "SFTPHook", "ssh_conn_id", "sftp_default", "sftp"),
}


def client_factory(uri: str, conn_id: str | None) -> ClientFactory | None:
    """Makes the client for a URI's scheme from an Airflow connection; None for folders.

    conn_id: of the connection with the credentials; None takes the provider's own default connection.
    """
    scheme = scheme_of(uri)
    if scheme not in HOOKS:
        return None
    module, name, argument, default, extra = HOOKS[scheme]

    def make() -> Any:
        try:
            hook_class = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise SettingsError(
                uri, f"{error.name} is not installed", f"Install it: pip install 'airflow-savemasks[{extra}]'"
            ) from error
        return hook_class(**{argument: conn_id or default}).get_conn()

    return make
