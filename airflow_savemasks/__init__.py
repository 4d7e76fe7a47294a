"""Annotated images out as masks, from Airflow.

`save_masks` is the whole job as one function; the operator, the task group and the shell do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_savemasks.engine.reading.archive import Archive

__version__ = "0.1.0"


def save_masks(
    layer: Any,
    sources: Mapping[str, str],
    team_files: str,
    *,
    projects: str | None = None,
    dry_run: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Export the projects of a layer to an archive.

    layer: the layer's JSON or a whole graph, as text or parsed; sources: `$name` (or a project's name in a graph) ->
    URI or path; team_files: URI or path of the folder for the archive; projects: where a graph's projects lie; dry_run:
    render and write nothing, and return what an export would do (docs/how-to/planning.md); options: the fields of
    `Options` (engine/settings/options.py). Returns the result (docs/reference/result.md). Raises SaveMasksError and its
    kinds (engine/errors.py).
    """
    import threading

    from airflow_savemasks.engine.export import export
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.opening import open_sources, open_team_files_root
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.engine.settings.options import Options

    chosen = Options(**options)
    checked = parse_layer(layer, chosen.unlisted)
    job = open_job(checked, open_sources(checked, sources, projects), chosen)
    if dry_run:
        from airflow_savemasks.engine import dry_run as planning

        return planning.dry_run(job, open_team_files_root(team_files), threading.Event(), Progress())[0]
    return export(job, open_team_files_root(team_files), threading.Event(), Progress())


def open_archive(uri: str, *, check_hashes: bool = False) -> Archive:
    """A published archive as a sequence of items; nothing is unpacked, files are read by ranges when asked for.

    uri: of the archive (or one of its volumes), with the backend's default credentials; `len`, `archive[3]`,
    `archive["ds0/a.jpg"]`, iteration in order, `archive.dataset("ds0")`; an item has `picture`, `human`, `machine`,
    `semantic` and `instances` (numpy arrays), `annotation` and `bytes(kind)`. Archive and items can be pickled, and
    used in forked and spawned processes. check_hashes: compare each file that is read with the SHA-256 that the index
    has of it. Raises ArchiveError where there is no archive with a manifest that fits it, or it was replaced meanwhile;
    StorageError.
    """
    from functools import partial
    from urllib.parse import unquote, urlsplit

    from airflow_savemasks.engine.archive.published import archive_of
    from airflow_savemasks.engine.opening import open_team_files_root
    from airflow_savemasks.engine.reading.archive import Archive
    from airflow_savemasks.engine.storage.folder_names import path_of

    if uri.lower().startswith("file://"):
        uri = unquote(urlsplit(uri).path)
    if "://" not in uri:
        uri = str(path_of(uri).absolute())
    folder, _, file = uri.rpartition("/")
    opening = partial(open_team_files_root, folder or "/")
    return Archive(uri, opening, archive_of(opening(), file), check_hashes=check_hashes)


def get_provider_info() -> dict[str, Any]:
    """What Airflow's providers manager reads from the entry point `apache_airflow_provider`."""
    from airflow_savemasks.provider import PROVIDER_INFO

    return PROVIDER_INFO
