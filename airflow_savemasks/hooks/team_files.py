"""Team Files: where archives go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.hooks.storage import StorageHook
from airflow_savemasks.hooks.this_machine import configured_executors, home_folder, runs_here

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.base import Storage

FALLBACK = "team_files"  # folder below AIRFLOW_HOME


class TeamFilesHook(StorageHook):
    """Opens Team Files.

    Without any connection they are a folder below AIRFLOW_HOME, which the log warns of, and only where all tasks run
    on this machine: elsewhere an archive would vanish with its worker. executor: that of the task, if it has its own.
    """

    default_conn_name = "savemasks_team_files_default"
    hook_name = "Save Masks Team Files"

    def __init__(self, conn_id: str | None = None, executor: str | None = None, **kwargs: Any) -> None:
        super().__init__(conn_id, **kwargs)
        self._executor = executor

    def open(self) -> Storage:
        """The storage of the connection's root; no link leads out of it. Raises SettingsError where there is none."""
        return self.storage(self.root or self._fallback(), confined=True)

    def _fallback(self) -> str:
        executors = configured_executors()
        if not runs_here(executors, self._executor):
            own = f", of the task: {self._executor}" if self._executor else ""
            raise SettingsError(
                self._where,
                f"does not exist, and tasks may run on other machines ([core] executor = {executors}{own}), where a "
                "folder would be lost",
                f"Add it, of type {self.conn_type!r}, with a root that all workers reach, such as s3://bucket/folder",
            )
        root = home_folder(FALLBACK)
        self.log.warning("No connection %r: archives go to %s, a folder of this machine", self.conn_id, root)
        return root
