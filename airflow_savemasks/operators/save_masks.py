"""The operator: stores its arguments and calls the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    import threading

    from airflow.sdk import Context

    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.layer import Layer
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage import Storage

OPTIONS = (
    "machine_png",
    "strict_colors",
    "on_bad_item",
    "max_skipped",
    "if_exists",
    "reuse",
    "workers",
    "volume_size",
    "keep_parts_days",
)


class SaveMasksOperator(BaseOperator):
    """Exports the projects of a layer to an archive in Team Files.

    layer: the layer's JSON or a whole graph, as pasted; sources: `$name` (or a project's name in a graph) -> URI,
    absolute path, or path below the root of the project connection. A `$data_1` that `sources` does not name is the
    XCom of the task `data_1`. The other arguments are those of `engine.options.Options`. All are JSON types.

    Returns the result (README, "The result"). A retry renders only what is not finished yet.
    """

    template_fields: Sequence[str] = ("layer", "sources", "team_files_conn_id", "project_conn_id", *OPTIONS)
    template_fields_renderers = {"layer": "json", "sources": "json"}
    ui_color = "#1b6e53"
    ui_fgcolor = "#fff"

    def __init__(
        self,
        *,
        layer: dict[str, Any] | list[Any] | str,
        sources: dict[str, str] | None = None,
        team_files_conn_id: str | None = None,
        project_conn_id: str | None = None,
        machine_png: str = "auto",
        strict_colors: bool = False,
        on_bad_item: str = "fail",
        max_skipped: int = 100,
        if_exists: str = "replace",
        reuse: bool | str = True,
        workers: int | None = None,
        volume_size: int | None = None,
        keep_parts_days: float = 7.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layer = layer
        self.sources = sources
        self.team_files_conn_id = team_files_conn_id
        self.project_conn_id = project_conn_id
        self.machine_png = machine_png
        self.strict_colors = strict_colors
        self.on_bad_item = on_bad_item
        self.max_skipped = max_skipped
        self.if_exists = if_exists
        self.reuse = reuse
        self.workers = workers
        self.volume_size = volume_size
        self.keep_parts_days = keep_parts_days
        self._stop: threading.Event | None = None

    def execute(self, context: Context) -> Any:
        """Run the export. Wrong settings fail without a retry; everything else may be retried."""
        import threading

        from airflow.sdk.exceptions import AirflowFailException

        from airflow_savemasks.engine.errors import SettingsError
        from airflow_savemasks.engine.progress import Progress
        from airflow_savemasks.hooks.team_files import TeamFilesHook

        self._stop = threading.Event()
        try:
            job = self.open_job(context)
            team_files = TeamFilesHook(self.team_files_conn_id).open()
        except SettingsError as error:
            raise AirflowFailException(str(error)) from error
        return self.work(job, team_files, self._stop, Progress(self._teller(context)))

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> Any:
        """What this task does of the export: here, all of it."""
        from airflow_savemasks.engine.export import export

        return export(job, team_files, stop, progress)

    def on_kill(self) -> None:
        """Ask the engine to stop: it looks between stripes of a picture, and publishes nothing any more."""
        if self._stop is not None:
            self._stop.set()

    def open_job(self, context: Context) -> Job:
        """The checked layer with its sources opened."""
        from airflow_savemasks.engine import job
        from airflow_savemasks.engine.layer import parse_layer
        from airflow_savemasks.engine.options import Options
        from airflow_savemasks.engine.sources import open_sources
        from airflow_savemasks.hooks.project import ProjectHook

        layer = parse_layer(self.layer)
        hook = ProjectHook(self.project_conn_id)
        options = Options(**{name: getattr(self, name) for name in OPTIONS})
        return job.open_job(layer, open_sources(layer, self._sources(layer, context), hook.root, hook.open), options)

    def _sources(self, layer: Layer, context: Context) -> dict[str, str]:
        """The given sources, and the XCom of the task `data_1` for a `$data_1` that nobody else says."""
        from airflow_savemasks.engine.errors import SettingsError

        sources = dict(self.sources or {})
        for entry in layer.inputs:
            if entry.name in sources or entry.project is not None:
                continue
            task_id = entry.name.removeprefix("$")
            group = self.task_id.rpartition(".")[0]
            value = None
            for candidate in dict.fromkeys([f"{group}.{task_id}" if group else task_id, task_id]):
                value = value or context["ti"].xcom_pull(task_ids=candidate)
            if not isinstance(value, str) or not value:
                raise SettingsError(
                    f"src {entry.name!r}",
                    f"is not in sources, and the task {task_id!r} returned {value!r:.80}",
                    f"Add it to sources, or let a task named {task_id!r} return the project's URI or path",
                )
            sources[entry.name] = value
        return sources

    def _teller(self, context: Context) -> Callable[[str], None] | None:
        """Writes progress where the UI shows it: the task state store of Airflow 3.3 and later."""
        store = context.get("task_state_store")
        if store is None:
            return None

        def tell(line: str) -> None:
            nonlocal store
            try:
                if store is not None:
                    store.set("progress", line)
            except Exception as error:  # noqa: BLE001  # the store is a courtesy: an export must not fail with it
                self.log.warning("progress is not written to the task state store any more: %s", error)
                store = None

        return tell
