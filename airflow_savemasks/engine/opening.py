"""From URIs to opened projects and Team Files, and from the names in a layer to its sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.source import Source
from airflow_savemasks.engine.project.stored import StorageProject
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.storage.base import Storage
from airflow_savemasks.engine.storage.in_flight import MOST
from airflow_savemasks.engine.storage.opening import is_stream, open_source_storage, open_storage
from airflow_savemasks.engine.storage.uris import PACKED, scheme_of, without_secrets
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.project import InstanceProject
from airflow_savemasks.engine.supervisely.team_files import TeamFiles
from airflow_savemasks.engine.supervisely.uris import is_instance, parse_project, parse_team_folder

SECONDS, SECONDS_REMOTE = 0.5, 1.5  # until a process has started and opened a folder, or imported a client as well
PARTS_AT_HOME = "~/.cache/airflow_savemasks/parts"
REMOTE_CONNECTIONS = 10  # reads in flight from a storage behind a network: as many as clients keep connections
CONNECTIONS = {"s3": MOST}  # of schemes whose client is made with more


def open_project(uri: str) -> Source:
    """A project at a URI or plain path (a folder, or one of PACKED), with the backend's default credentials."""
    if is_instance(uri):
        return open_instance_project(uri, api_from_environment())
    is_packed = is_stream(uri) or uri.lower().endswith(PACKED)
    again = None if is_packed else partial(open_project, uri)  # what is packed would be indexed once more
    connections = connections_of(uri)
    seconds = SECONDS_REMOTE if connections else SECONDS
    return StorageProject(open_source_storage(uri), "", connections, again=again, opening_seconds=seconds)


def open_folder(root: str, path: str = "", *, confined: bool = False) -> StorageProject:
    """The project at a path below a folder of this machine. confined: no link leads out of the root."""
    again = partial(open_folder, root, path, confined=confined)
    return StorageProject(open_storage(root, confined=confined), path, connections_of(root), again=again)


def open_team_files_root(uri: str) -> Storage:
    """Where archives go, for the shell; parts of an archive in an instance's Team Files lie in PARTS_AT_HOME."""
    if is_instance(uri):
        return open_team_files(uri, api_from_environment(), open_storage(PARTS_AT_HOME, confined=True))
    return open_storage(uri, confined=True)


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


def connections_of(uri: str) -> int:
    """How many reads at once pay: none of its own for a folder, nor for a stream, which lies in a work file then."""
    scheme = scheme_of(uri)
    return 0 if scheme == "file" or is_stream(uri) else CONNECTIONS.get(scheme, REMOTE_CONNECTIONS)


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
    """Like `locate_sources`, opened; one project is opened once.

    Raises SettingsError for two streams that differ in nothing but what is shown nowhere: they could not be told apart.
    """
    places = locate_sources(layer, given, projects_root)
    streams = [without_secrets(uri) for uri in dict.fromkeys(places.values()) if is_stream(uri)]
    if same := next((uri for uri in streams if streams.count(uri) > 1), None):
        fact = "is two sources that differ only in their user or query, which may be secret and are shown nowhere"
        raise SettingsError(same, fact, "Give one of them another path")
    opened = {uri: open_one(uri) for uri in dict.fromkeys(places.values())}
    return {name: opened[uri] for name, uri in places.items()}


def _fix(name: str, project: str | None) -> str:
    if project is None:
        return f"Give its URI or path for {name!r} in sources"
    return f"Give the root of the projects, or a URI or path for {project!r} or {name!r} in sources"
