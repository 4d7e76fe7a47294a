"""The provider's description for Airflow: connection types with their forms. Imports nothing."""

from __future__ import annotations

from typing import Any

from airflow_savemasks import __version__

# The root is the host of a connection, so that Airflow's list of connections shows where each leads
ROOTS = (
    "/data/masks or s3://bucket/masks, gs://bucket/masks, azure://container/masks, sftp://host/masks, "
    "supervisely://team/7/masks"
)

STORAGE_FIELDS: dict[str, Any] = {
    "storage_conn_id": {
        "label": "Credentials connection",
        "description": "Id of the connection with the credentials of the root's scheme: aws_default for s3://, "
        "google_cloud_default for gs://, wasb_default for azure://, sftp_default for sftp://, supervisely_default for "
        "supervisely://; each is taken where nothing is written here. A folder needs none",
        "schema": {"type": ["string", "null"]},
    },
    "only_below_root": {
        "label": "Only below the root",
        "description": "For projects: refuse every source that does not lie below the root, and links out of it",
        "schema": {"type": ["boolean", "null"], "default": False},
    },
    "object_options": {
        "label": "Options of objects",
        "description": "What the bucket's policy asks of each write, in the names of the cloud's client, as JSON",
        "schema": {"type": ["object", "string", "null"]},
    },
    "parts_root": {
        "label": "Root for parts",
        "description": "Only for Team Files of an instance: where finished parts lie, shared by all workers",
        "schema": {"type": ["string", "null"]},
    },
    "parts_conn_id": {
        "label": "Connection for parts",
        "description": "Id of the connection with the credentials of the root for parts",
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
            "external-doc-url": "https://github.com/supervisely-ecosystem/data-nodes",
            "tags": ["software"],
        }
    ],
    "operators": [
        {
            "integration-name": "Save Masks",
            "python-modules": [f"airflow_savemasks.operators.{name}" for name in ("save_masks", "verify", "clean")],
        }
    ],
    "hooks": [
        {
            "integration-name": "Save Masks",
            "python-modules": [
                "airflow_savemasks.hooks.project",
                "airflow_savemasks.hooks.supervisely",
                "airflow_savemasks.hooks.team_files",
            ],
        }
    ],
    "extra-links": [
        "airflow_savemasks.operators.masks_page.MasksLink",
        "airflow_savemasks.operators.masks_page.ArchiveLink",
        "airflow_savemasks.operators.masks_page.ManifestLink",
    ],
    "connection-types": [
        {
            "connection-type": "savemasks",
            "hook-class-name": "airflow_savemasks.hooks.storage.StorageHook",
            "hook-name": "Save Masks storage",
            "conn-fields": STORAGE_FIELDS,
            "ui-field-behaviour": {
                "hidden-fields": ["schema", "login", "password", "port"],
                "relabeling": {"host": "Root (needed): folder of the projects or of the archives"},
                "placeholders": {"host": ROOTS},
            },
        },
        {
            "connection-type": "supervisely",
            "hook-class-name": "airflow_savemasks.hooks.supervisely.SuperviselyHook",
            "hook-name": "Supervisely",
            "conn-fields": {
                "team": {
                    "label": "Team id",
                    "description": "Looks for workspaces in this team only",
                    "schema": {"type": ["string", "null"]},
                }
            },
            "ui-field-behaviour": {
                "hidden-fields": ["login", "schema", "port"],
                "relabeling": {"host": "Server address", "password": "API token"},
                "placeholders": {"host": "https://app.example.com"},
            },
        },
    ],
}
