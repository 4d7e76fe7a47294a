"""A bucket's project opened once more in a worker process, which has no supervisor to ask for connections."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_savemasks.hooks.clients import FromConnection, client_factory

if TYPE_CHECKING:
    from airflow_savemasks.engine.project.source import Source

SECONDS = 4.0  # until Airflow and a provider are imported


class Again:
    """Opens a project by the same hook with the same connection, which is looked up when this is pickled.

    The connection, with all that is secret in it, goes to the worker process through their socket; no message shows it.
    """

    def __init__(self, uri: str, path: str, client: FromConnection, options: Mapping[str, Any] | None) -> None:
        self._words = uri, path, client.conn_id, options
        self._client = client

    def __call__(self) -> Source:
        return _open(*self._words)

    def __reduce__(self) -> tuple[Callable[..., Opening], tuple[Any, ...]]:
        """Raises what the lookup raises."""
        return Opening, (*self._words, self._client.connection())


class Opening:
    """What an Again becomes in the worker process."""

    def __init__(self, uri: str, path: str, conn_id: str, options: Mapping[str, Any] | None, connection: str) -> None:
        self._words = uri, path, conn_id, options
        self._connection = connection

    def __call__(self) -> Source:
        os.environ[f"AIRFLOW_CONN_{self._words[2].upper()}"] = self._connection
        return _open(*self._words)


def _open(uri: str, path: str, conn_id: str, options: Mapping[str, Any] | None) -> Source:
    from airflow_savemasks.engine.opening import connections_of
    from airflow_savemasks.engine.project.stored import StorageProject
    from airflow_savemasks.engine.storage.opening import open_storage

    return StorageProject(open_storage(uri, client_factory(uri, conn_id, options)), path, connections_of(uri))
