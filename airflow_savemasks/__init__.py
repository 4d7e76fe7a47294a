"""Annotated images out as masks, from Airflow.

`save_masks` is the whole job as one function; the operator, the task group and the shell do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__version__ = "0.1.0"


def save_masks(
    layer: Any, sources: Mapping[str, str], team_files: str, *, projects: str | None = None, **options: Any
) -> dict[str, Any]:
    """Export the projects of a layer to an archive.

    layer: the layer's JSON or a whole graph, as text or parsed; sources: `$name` (or a project's name in a graph) ->
    URI or path; team_files: URI or path of the folder for the archive; projects: where a graph's projects lie;
    options: the fields of `Options` (engine/settings/options.py). Returns the result (README, "The result").
    Raises SaveMasksError and its kinds (engine/errors.py).
    """
    import threading

    from airflow_savemasks.engine.export import export
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.opening import open_sources, open_team_files_root
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.engine.settings.options import Options

    checked = parse_layer(layer)
    job = open_job(checked, open_sources(checked, sources, projects), Options(**options))
    return export(job, open_team_files_root(team_files), threading.Event(), Progress())


def get_provider_info() -> dict[str, Any]:
    """What Airflow's providers manager reads from the entry point `apache_airflow_provider`."""
    from airflow_savemasks.provider import PROVIDER_INFO

    return PROVIDER_INFO
