"""Which project of an instance a URI names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from airflow_savemasks.engine.errors import NotFound, ProjectError, SettingsError
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.uris import ProjectUri

Json = dict[str, Any]


def find_project(api: Api, wanted: ProjectUri, team: int | None) -> Json:
    """The project's record, by id or by name. Raises ProjectError that says which names come close."""
    with api.understood("projects.info" if wanted.workspace is None else "projects.list"):
        return _find_project(api, wanted, team)


def _find_project(api: Api, wanted: ProjectUri, team: int | None) -> Json:
    if wanted.workspace is None:
        try:
            record = dict(api.call("projects.info", {"id": int(wanted.project)}))
        except NotFound:
            raise ProjectError(
                api.address, f"no project {wanted.project}", "Check the id, and the token's rights"
            ) from None
    else:
        workspace = _find_workspace(api, wanted.workspace, team)
        projects = list(api.pages("projects.list", {"workspaceId": workspace, "filter": []}))
        named = [project for project in projects if project["name"] == wanted.project]
        if len(named) != 1:
            where = f"{api.address}, workspace {wanted.workspace!r}"
            raise ProjectError(where, f"no project {wanted.project!r}", _near(wanted.project, projects))
        record = named[0]
    if record.get("type", "images") != "images":
        raise ProjectError(
            f"{api.address}, project {record['name']!r}", f"is of type {record['type']!r}", "Only images have masks"
        )
    return {**record, "id": int(record["id"])}


def _find_workspace(api: Api, workspace: str, team: int | None) -> int:
    if workspace.isdigit():
        return int(workspace)
    teams = [team] if team is not None else [record["id"] for record in api.pages("teams.list", {"filter": []})]
    found = [record for number in teams for record in api.pages("workspaces.list", {"teamId": number, "filter": []})]
    named = [record["id"] for record in found if record["name"] == workspace]
    if len(named) > 1:
        raise SettingsError(
            f"workspace {workspace!r}", "is the name of several", "Write its id, or a team in the connection"
        )
    if not named:
        raise ProjectError(api.address, f"no workspace {workspace!r}", _near(workspace, found))
    return int(named[0])


def _near(name: str, records: Sequence[Json]) -> str:
    names = sorted(record["name"] for record in records)
    near = get_close_matches(name, names, n=5, cutoff=0.4)
    return f"Did you mean one of {near}?" if near else f"There are {names[:20]}"
