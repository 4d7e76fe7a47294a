"""The provider's description for Airflow: connection types with their forms. Imports nothing."""

from __future__ import annotations

from typing import Any

from airflow_savemasks import __version__

_STORAGE_FIELDS: dict[str, Any] = {
    "root": {
        "label": "Root",
        "description": "Folder of the projects or of the archives: /path, file://, s3://, gs://, azure:// or sftp://",
        "schema": {"type": ["string", "null"]},
    },
    "storage_conn_id": {
        "label": "Storage connection",
        "description": "Id of the connection with the credentials of the root's scheme, such as aws_default",
        "schema": {"type": ["string", "null"]},
    },
}

PROVIDER_INFO: dict[str, Any] = {
    "package-name": "airflow-savemasks",
    "name": "Save Masks",
    "description": "Exports Supervisely-format image projects with machine and human masks.",
    "versions": [__version__],
    "integrations": [
        {
            "integration-name": "Save Masks",
            "external-doc-url": "https://github.com/supervisely-ecosystem/ml-nodes",
            "tags": ["software"],
        }
    ],
    "operators": [{"integration-name": "Save Masks", "python-modules": ["airflow_savemasks.operators.save_masks"]}],
    "hooks": [
        {
            "integration-name": "Save Masks",
            "python-modules": ["airflow_savemasks.hooks.project", "airflow_savemasks.hooks.team_files"],
        }
    ],
    "connection-types": [
        {
            "connection-type": "savemasks",
            "hook-class-name": "airflow_savemasks.hooks.storage.StorageHook",
            "hook-name": "Save Masks storage",
            "conn-fields": _STORAGE_FIELDS,
            "ui-field-behaviour": {
                "hidden-fields": ["host", "schema", "login", "password", "port"],
                "relabeling": {},
                "placeholders": {},
            },
        }
    ],
}
