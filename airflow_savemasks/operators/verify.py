"""An operator that reads a published archive again and names every file in it that is not what was written."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_savemasks.engine.errors import ArchiveError, SettingsError
from airflow_savemasks.operators.outcome import outcome

if TYPE_CHECKING:
    import threading

    from airflow.sdk import Context

    from airflow_savemasks.engine.storage.base import Storage

FIX = "Give the result of a SaveMasksOperator, its 'archive', or a name in Team Files"


class VerifyArchiveOperator(BaseOperator):
    """Checks every byte of an archive against its manifest.

    archive: the result of a SaveMasksOperator (`save_masks.output`), the URI under "archive" in it or of another of its
    volumes, or the archive's name in Team Files, with or without `.tar`; templated. team_files_conn_id: as for
    SaveMasksOperator.

    Returns {"archive", "items", "bytes"}. A damaged archive fails without a retry; the error names the files.
    """

    template_fields: Sequence[str] = ("archive", "team_files_conn_id")
    template_fields_renderers = {"archive": "json"}
    ui_color = "#1b6e53"
    ui_fgcolor = "#fff"

    def __init__(
        self, *, archive: dict[str, Any] | str | Any, team_files_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.archive = archive
        self.team_files_conn_id = team_files_conn_id
        self._stop: threading.Event | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - of BaseOperator
        """Verify it. Wrong settings and a damaged archive fail without a retry; a storage that breaks is retried."""
        import threading

        from airflow_savemasks.engine.archive.verify import verify
        from airflow_savemasks.hooks.team_files import TeamFilesHook

        self._stop = threading.Event()
        with outcome(False, ArchiveError):
            team_files = TeamFilesHook(self.team_files_conn_id, executor=self.executor).open()
            team_files.watch(self._stop)
            return verify(team_files, name_of(self.archive, team_files))

    def on_kill(self) -> None:
        """Ask the storage to stop, which it does at its next read."""
        if self._stop is not None:
            self._stop.set()


def name_of(archive: Any, team_files: Storage) -> str:
    """The name in Team Files of a result, a URI or a name. Raises SettingsError for one that lies elsewhere."""
    from airflow_savemasks.engine.archive.published import archive_of

    given = _parsed(archive)
    if isinstance(given, Mapping):
        given = given.get("archive")
    if not isinstance(given, str) or not given.strip():
        raise SettingsError("archive", f"a {type(archive).__name__} that names none", FIX)
    root = team_files.locate("").rstrip("/") + "/"
    name = given.removeprefix(root) if given.startswith(root) else given
    if "://" in name or name.startswith("/") or ".." in name.split("/"):
        raise SettingsError(
            "archive", f"{given!r} does not lie in {root}", "Name the connection of its Team Files: team_files_conn_id"
        )
    return archive_of(team_files, name)


def _parsed(archive: Any) -> Any:
    """A result that a template made a text of (`{{ ti.xcom_pull(...) }}`) as a dict again."""
    if not isinstance(archive, str) or not archive.lstrip().startswith("{"):
        return archive
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(archive)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return archive
