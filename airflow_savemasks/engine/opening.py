"""From names in a layer to opened projects: `sources`, the root of the projects, or a single path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.source import Source
from airflow_savemasks.engine.project.stored import StorageProject
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.storage.base import Storage, open_source_storage, open_storage, scheme_of
from airflow_savemasks.engine.supervisely.opening import (
    api_from_environment,
    open_instance_project,
    open_team_files,
)
from airflow_savemasks.engine.supervisely.uris import is_instance

PARTS_AT_HOME = "~/.cache/airflow_savemasks/parts"
REMOTE_CONNECTIONS = 10  # reads in flight from a storage behind a network; boto3's pool has ten connections


def open_project(uri: str) -> Source:
    """A project at a URI or plain path (a folder, a .tar or a .zip), with the backend's default credentials."""
    if is_instance(uri):
        return open_instance_project(uri, api_from_environment())
    return StorageProject(open_source_storage(uri), connections=connections_of(uri))


def open_team_files_root(uri: str) -> Storage:
    """Where archives go, for the shell; parts of an archive in an instance's Team Files lie in PARTS_AT_HOME."""
    if is_instance(uri):
        return open_team_files(uri, api_from_environment(), open_storage(PARTS_AT_HOME, confined=True))
    return open_storage(uri, confined=True)


def connections_of(uri: str) -> int:
    """How many reads at once pay: none of its own for a folder."""
    return 0 if scheme_of(uri) == "file" else REMOTE_CONNECTIONS


def locate_sources(layer: Layer, given: Mapping[str, str], projects_root: str | None) -> dict[str, str]:
    """Where each input of a layer lies: name of the input -> URI.

    given: `$name` or project name -> URI; projects_root: holds the projects that a graph names. Raises SettingsError
    for an input that nothing is known of, and for a given name that no input has.
    """
    known = {entry.name for entry in layer.inputs} | {entry.project for entry in layer.inputs if entry.project}
    if unknown := sorted(set(given) - known):
        raise SettingsError("sources", f"{unknown} is no source of the layer", f"The layer reads {sorted(known)}")
    places = {}
    for entry in layer.inputs:
        key = next((key for key in (entry.name, entry.project) if key is not None and key in given), None)
        if key is not None:
            places[entry.name if key == entry.name else key] = given[key]
        elif entry.project is not None and projects_root is not None:
            places[entry.project] = f"{projects_root.rstrip('/')}/{entry.project}"
        else:
            what = repr(entry.name) if entry.project is None else f"project {entry.project!r} ({entry.name})"
            raise SettingsError("sources", f"nothing says where {what} lies", _fix(entry.name, entry.project))
    return places


def open_sources(
    layer: Layer,
    given: Mapping[str, str],
    projects_root: str | None = None,
    open_one: Callable[[str], Source] = open_project,
) -> dict[str, Source]:
    """Like `locate_sources`, opened; one project is opened once."""
    places = locate_sources(layer, given, projects_root)
    opened = {uri: open_one(uri) for uri in dict.fromkeys(places.values())}
    return {name: opened[uri] for name, uri in places.items()}


def _fix(name: str, project: str | None) -> str:
    if project is None:
        return f"Give its URI or path for {name!r} in sources"
    return f"Give the root of the projects, or a URI or path for {project!r} or {name!r} in sources"
