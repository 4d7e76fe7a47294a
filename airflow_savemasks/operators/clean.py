"""An operator that removes what exports that never ran again have left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_savemasks.engine.settings.texts import argument
from airflow_savemasks.engine.settings.values import days, flag
from airflow_savemasks.operators.outcome import outcome

if TYPE_CHECKING:
    import threading

    from airflow.sdk import Context


class CleanOperator(BaseOperator):
    """Removes the work folders of Team Files in which nothing was written for `older_than_days`; no archive is touched.

    team_files_conn_id: as for SaveMasksOperator; dry_run: only says what would be removed. Both, and the age, are
    templated. Returns {"folders": [{"folder", "archive", "files", "bytes", "age_days", "fate"}, ...], "removed",
    "bytes"}.
    """

    template_fields: Sequence[str] = ("team_files_conn_id", "older_than_days", "only_look")
    ui_color = "#1b6e53"
    ui_fgcolor = "#fff"

    def __init__(
        self,
        *,
        team_files_conn_id: str | None = None,
        older_than_days: float | str = 30.0,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.team_files_conn_id = team_files_conn_id
        self.older_than_days = older_than_days
        self.only_look = dry_run  # `dry_run` itself is a method of BaseOperator
        self._stop: threading.Event | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - of BaseOperator
        """Clean up, or look; a storage that breaks is retried."""
        import threading

        from airflow_savemasks.engine.publish.work_folders import clean
        from airflow_savemasks.hooks.team_files import TeamFilesHook

        self._stop = threading.Event()
        with outcome():
            age = argument("older_than_days", days, self.older_than_days)
            only_look = argument("dry_run", flag, self.only_look)
            team_files = TeamFilesHook(self.team_files_conn_id, executor=self.executor).open()
            team_files.watch(self._stop)
            told = clean(team_files, age, self._stop, dry_run=only_look)
        for one in told["folders"]:
            self.log.info("%s (%s): %s", one["folder"], one["archive"] or "archive unknown", one["fate"])
        return told

    def on_kill(self) -> None:
        """Ask the storage to stop, which it does at its next call."""
        if self._stop is not None:
            self._stop.set()
