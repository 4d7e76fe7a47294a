"""Team Files: where archives go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_savemasks.hooks.storage import StorageHook

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage import Storage

FALLBACK = "team_files"  # folder below AIRFLOW_HOME


class TeamFilesHook(StorageHook):
    """Opens Team Files. Without the default connection they are a folder below AIRFLOW_HOME, and the log says so."""

    default_conn_name = "savemasks_team_files_default"
    hook_name = "Save Masks Team Files"

    def open(self) -> Storage:
        """The storage of the connection's root."""
        root = self.fields().get("root")
        if not root:
            home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
            root = str(home / FALLBACK)
            self.log.info("No connection %r with a root: archives go to %s", self.conn_id, root)
        return self.storage(root)
