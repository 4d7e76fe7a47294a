"""The connection type `supervisely`: address of an instance and an API token, team and workspace if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.hooks.clients import is_missing
from airflow_savemasks.hooks.testing import within

if TYPE_CHECKING:
    from airflow_savemasks.engine.project.source import Source
    from airflow_savemasks.engine.storage.base import Storage
    from airflow_savemasks.engine.supervisely.api import Api

TRIES, FIRST_WAIT, TIMEOUT = 2, 0.5, 4.0  # of the Test button, which answers before somebody gives up; seconds


class SuperviselyHook(BaseHook):
    """Opens projects of an instance and folders of its Team Files. The token lives in the connection's password."""

    conn_name_attr = "conn_id"
    default_conn_name = "supervisely_default"
    conn_type = "supervisely"
    hook_name = "Supervisely"

    def __init__(self, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id or self.default_conn_name
        self._api: Api | None = None
        self._team: int | None = None

    def get_conn(self) -> Api:
        """The client, made once. Raises SettingsError for a connection that is incomplete or of another type."""
        if self._api is None:
            self._api = self._client()
        return self._api

    def _client(self, **how: Any) -> Api:
        """A new client. how: its retries and timeouts, where they are not those of a run."""
        from airflow_savemasks.engine.supervisely.api import Api

        where = f"connection {self.conn_id!r}"
        try:
            connection = self.get_connection(self.conn_id)
        except Exception as error:
            if not is_missing(error):
                raise
            raise SettingsError(where, "does not exist", f"Add it, of type {self.conn_type!r}") from error
        if connection.conn_type != self.conn_type:
            raise SettingsError(where, f"is of type {connection.conn_type!r}", f"Use one of type {self.conn_type!r}")
        if not connection.host or not connection.password:
            raise SettingsError(where, "lacks the server address or the API token", "Write both into it")
        extra = connection.extra_dejson
        self._team = int(extra["team"]) if extra.get("team") else None
        port = f":{connection.port}" if connection.port else ""
        scheme = f"{connection.schema}://" if connection.schema and "://" not in connection.host else ""
        return Api(f"{scheme}{connection.host}{port}", connection.password, **how)

    def project(self, uri: str) -> Source:
        """The project at `supervisely://<workspace>/<project>` or `supervisely://project/<id>`."""
        from airflow_savemasks.engine.opening import open_instance_project

        api = self.get_conn()
        return open_instance_project(uri, api, self._team)

    def team_files(self, uri: str, parts: Storage) -> Storage:
        """The folder at `supervisely://team/<id>/folder`; `parts` is the storage for finished parts."""
        from airflow_savemasks.engine.opening import open_team_files

        return open_team_files(uri, self.get_conn(), parts)

    def test_connection(self) -> tuple[bool, str]:
        """Ask the instance for its version and the token's teams, for the Test button. Ends within ten seconds."""
        return within(self._look)

    def _look(self) -> tuple[bool, str]:
        api = self._client(attempts=TRIES, first_wait=FIRST_WAIT, timeout=TIMEOUT)
        version = api.call("instance.version", {}).get("version")
        teams = [record["name"] for record in api.pages("teams.list", {"filter": []})]
        return True, f"{api.address} answers, version {version}; teams {teams[:10]}"
