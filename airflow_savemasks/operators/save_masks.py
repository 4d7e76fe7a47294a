"""The operator: stores its arguments and calls the engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseOperatorLink

from airflow_savemasks.engine.settings.describe import FIELDS, is_object
from airflow_savemasks.engine.settings.texts import argument, checked
from airflow_savemasks.engine.settings.values import flag
from airflow_savemasks.operators.assets import tell_assets
from airflow_savemasks.operators.lineage import Lineage
from airflow_savemasks.operators.masks_page import NAMED, ArchiveLink, ManifestLink, MasksLink
from airflow_savemasks.operators.outcome import opening, outcome
from airflow_savemasks.operators.upstream import checked_sources, find_source

if TYPE_CHECKING:
    import threading

    import jinja2
    from airflow.sdk import Context

    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.storage.base import Storage

OPTIONS = tuple(FIELDS)  # arguments of the operator, one by one, and template fields


class SaveMasksOperator(Lineage, BaseOperator):
    """Exports the projects of a layer to an archive in Team Files.

    layer: the layer's JSON or a whole graph, as pasted; sources: `$name` (or a project's name in a graph) -> URI,
    absolute path, or path below the root of the project connection. A `$data_1` that `sources` does not name is the
    XCom of the task `data_1`. team_files_conn_id: where archives go, `savemasks_team_files_default` by default, and
    without that connection a folder below AIRFLOW_HOME; project_conn_id: root of a graph's projects and of relative
    sources, `savemasks_projects_default` by default. dry_run: renders and publishes nothing, and returns what an export
    would do (docs/how-to/planning.md); all bad items stand in `<dst>.plan.bad_items.jsonl`, and no asset has an event.
    The other arguments are the fields of `engine.settings.options.Options`, or texts that templates make of them; they
    are written out so that editors complete them, and a test holds them to the model. All are JSON types.

    Returns the result (docs/reference/result.md). A retry renders only what is not finished yet. Assets and aliases
    among its `outlets`, metrics and lineage: docs/observability.md.
    """

    template_fields: Sequence[str] = (
        "layer",
        "sources",
        "team_files_conn_id",
        "project_conn_id",
        "only_plan",
        *OPTIONS,
    )
    template_fields_renderers = dict.fromkeys(
        ["layer", "sources", *(name for name, field in FIELDS.items() if is_object(field))], "json"
    )
    operator_extra_links: Collection[BaseOperatorLink] = (MasksLink(), ArchiveLink(), ManifestLink())
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
        unlisted: str = "skip",
        overlap: str = "order",
        line_width: int | str = 1,
        human: dict[str, Any] | str | None = None,
        instances: str | None = None,
        semantic: bool | str = False,
        class_maps: bool | str = False,
        pick: dict[str, Any] | str | None = None,
        split: dict[str, Any] | str | None = None,
        layout: str = "supervisely",
        redact: bool | str = False,
        strict_colors: bool | str = False,
        unknown_colors: str = "error",
        on_bad_item: str = "fail",
        max_skipped: int | str = 100,
        retry_bad_items: bool | str = False,
        gates: dict[str, Any] | str | None = None,
        if_exists: str = "replace",
        reuse: bool | str = True,
        workers: int | str | None = None,
        volume_size: int | str | None = None,
        keep: int | str | None = None,
        keep_parts_days: float | str = 7.0,
        limits: dict[str, Any] | str | None = None,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.layer = layer
        self.sources = sources
        self.team_files_conn_id = team_files_conn_id
        self.project_conn_id = project_conn_id
        self.machine_png = machine_png
        self.unlisted = unlisted
        self.overlap = overlap
        self.line_width = line_width
        self.human = human
        self.instances = instances
        self.semantic = semantic
        self.class_maps = class_maps
        self.pick = pick
        self.split = split
        self.layout = layout
        self.redact = redact
        self.strict_colors = strict_colors
        self.unknown_colors = unknown_colors
        self.on_bad_item = on_bad_item
        self.max_skipped = max_skipped
        self.retry_bad_items = retry_bad_items
        self.gates = gates
        self.if_exists = if_exists
        self.reuse = reuse
        self.workers = workers
        self.volume_size = volume_size
        self.keep = keep
        self.keep_parts_days = keep_parts_days
        self.limits = limits
        self.only_plan = dry_run  # `dry_run` itself is a method of BaseOperator
        self._stop: threading.Event | None = None

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Also has passwords in the sources' URIs masked, before the rendered fields are shown anywhere.

        Of the methods that render this is the one that Airflow calls for a mapped task, too.
        """
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        from airflow_savemasks.hooks.secrets import mask_passwords

        mask_passwords(self.sources)

    def execute(self, context: Context) -> Any:
        """Do this task's work; which errors fail at once and which are retried: operators/outcome.py."""
        import threading

        from airflow_savemasks.engine.progress import Progress
        from airflow_savemasks.hooks.team_files import TeamFilesHook
        from airflow_savemasks.operators.metrics import counted, tags_of

        self._stop = threading.Event()
        progress = Progress(self._teller(context))
        with outcome(self.retry_bad_items), counted(tags_of(self), progress) as count:
            team_files = TeamFilesHook(self.team_files_conn_id, executor=self.executor).open()
            team_files.watch(self._stop)
            with opening():
                job = self.open_job(context, team_files)
            job.watch(self._stop)
            planning = argument("dry_run", flag, self.only_plan)
            name_files(context, team_files, job.layer.dst, planning=planning)
            self.reads(job, team_files)
            result = (self._plan if planning else self.work)(job, team_files, self._stop, progress)
            count(result)
        self.wrote(result)
        tell_assets(self.outlets, context.get("outlet_events"), result)
        return result

    def work(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> Any:
        """What this task does of the export: here, all of it."""
        from airflow_savemasks.engine.export import export

        return export(job, team_files, stop, progress)

    def _plan(self, job: Job, team_files: Storage, stop: threading.Event, progress: Progress) -> dict[str, Any]:
        from airflow_savemasks.engine.archive.bad_items import keep_bad_items
        from airflow_savemasks.engine.archive.naming import bad_items_path, planned_name
        from airflow_savemasks.engine.dry_run import dry_run

        self.outlets = []  # nothing is new: whoever waits for the archive's asset is not to be started
        result, bad = dry_run(job, team_files, stop, progress)
        result["bad_items_file"] = keep_bad_items(team_files, bad_items_path(planned_name(job.layer.dst)), bad)
        for reason in result["would_fail"]:
            self.log.warning("the export would fail: %s", reason)
        return result

    def on_kill(self) -> None:
        """Ask the engine to stop: it looks between stripes of a picture, and publishes nothing any more."""
        if self._stop is not None:
            self._stop.set()

    def plan_name(self) -> str | None:
        """The name of the plan that this task is a part of, if another one has made it."""
        return None

    def open_job(self, context: Context, team_files: Storage) -> Job:
        """The checked layer with its sources opened: the given ones, and what tasks returned for the others."""
        from airflow_savemasks.engine import job
        from airflow_savemasks.engine.opening import open_sources
        from airflow_savemasks.engine.planning.plans import use_indices
        from airflow_savemasks.engine.settings.layer import parse_layer
        from airflow_savemasks.hooks.project import ProjectHook

        options = checked({name: getattr(self, name) for name in OPTIONS})
        layer = parse_layer(self.layer, options.unlisted)
        sources = checked_sources(self.sources)
        for entry in layer.inputs:
            if entry.name not in sources and entry.project is None:
                sources[entry.name] = find_source(self, context["ti"], entry.name)
        hook = ProjectHook(self.project_conn_id)
        opened = open_sources(layer, sources, hook.root, hook.open)
        for source in opened.values():
            if self._stop is not None:
                source.watch(self._stop)  # before anything is read of it: a stream is read whole for its meta.json
        if (plan := self.plan_name()) is not None:
            use_indices(team_files, layer.dst, plan, opened.values())
        return job.open_job(layer, opened, options)

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


def name_files(context: Context, team_files: Storage, dst: str, *, planning: bool = False) -> None:
    """Say where bad items will stand: a task that fails returns nothing, and the Masks tab shows them all the same."""
    from airflow_savemasks.engine.archive.naming import bad_items_path, planned_name

    dst = planned_name(dst) if planning else dst
    if (instance := context.get("ti")) is not None:  # whoever calls `execute` in a test of their own may have none
        instance.xcom_push(NAMED, {"bad_items": team_files.locate(bad_items_path(dst))})
