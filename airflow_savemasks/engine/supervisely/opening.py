"""From `supervisely://` URIs and credentials to a source or a storage."""

from __future__ import annotations

import os

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.project import InstanceProject
from airflow_savemasks.engine.supervisely.team_files import TeamFiles
from airflow_savemasks.engine.supervisely.uris import parse_project, parse_team_folder


def open_instance_project(uri: str, api: Api, team: int | None = None) -> InstanceProject:
    """The project that a URI names. Raises SettingsError, ProjectError, StorageError."""
    return InstanceProject(api, parse_project(uri), team)


def open_team_files(uri: str, api: Api, parts: Storage) -> TeamFiles:
    """The folder of Team Files that a URI names, with the storage for its parts."""
    team, folder = parse_team_folder(uri)
    return TeamFiles(api, team, folder, parts)


def api_from_environment() -> Api:
    """SERVER_ADDRESS and API_TOKEN, as the SDK has them; for the shell."""
    address, token = os.environ.get("SERVER_ADDRESS", ""), os.environ.get("API_TOKEN", "")
    if not address or not token:
        raise SettingsError("environment", "SERVER_ADDRESS or API_TOKEN is not set", "Set both for supervisely:// URIs")
    return Api(address, token)
