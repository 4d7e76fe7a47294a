"""The verbs that write a project or an archive, or say what they would: export, plan, clean, ingest."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any

from airflow_savemasks.engine.errors import SettingsError, StorageError
from airflow_savemasks.engine.progress import outcome_line
from airflow_savemasks.engine.storage.folder_names import path_of
from airflow_savemasks.engine.storage.opening import is_stream
from airflow_savemasks.engine.storage.uris import without_secrets
from airflow_savemasks.shell.screen import Screen, ShownProgress
from airflow_savemasks.stopping import Stopping

if TYPE_CHECKING:
    import argparse

    from airflow_savemasks.engine.job import Job
    from airflow_savemasks.engine.settings.layer import Layer
    from airflow_savemasks.engine.storage.base import Storage

MOST = 64 << 20  # bytes or characters of a layer or of options
PACKED_TEXT = (".gz", ".bz2", ".xz", ".zst")  # endings of files that smart_open unpacks


def export_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """The whole export, in this process and those that it starts."""
    from airflow_savemasks.engine.export import export

    job, team_files = _opened(args, stopping)
    with screen.bar("exporting", "items") as bar:
        result = export(job, team_files, stopping.event, ShownProgress(bar))
    if bar.shown:
        screen.say(outcome_line(result), "green")
    return result


def plan_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """What an export with the same words would do; what a person reads of it goes to the screen."""
    from airflow_savemasks.engine.dry_run import dry_run
    from airflow_savemasks.shell.reports import show_bad_items, show_forecast, write_bad_items

    job, team_files = _opened(args, stopping)
    with screen.bar("reading annotations", "items") as bar:
        result, bad = dry_run(job, team_files, stopping.event, ShownProgress(bar))
    if args.bad_items is not None:
        write_bad_items(args.bad_items, bad)
    show_forecast(screen, result)
    show_bad_items(screen, bad)
    return result


def _opened(args: argparse.Namespace, stopping: Stopping) -> tuple[Job, Storage]:
    """What the words of an export say: the job with its sources opened, and Team Files."""
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.opening import open_sources, open_team_files_root
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.shell.flags import chosen

    if args.layer == args.options == "-":
        raise SettingsError("--options -", "the layer is read from standard input already", "Name a file for one")
    raw = _read(args.layer, "the layer's JSON")
    options = chosen(args, lambda path: _read(path, "the options' JSON"))
    layer = parse_layer(raw, options.unlisted)
    given = dict(_named_source(layer, text) for text in args.source)
    sources = open_sources(layer, given, args.projects)
    team_files = open_team_files_root(args.team_files)
    team_files.watch(stopping.event)
    for source in sources.values():
        source.watch(stopping.event)
    stopping.obeyed()
    return open_job(layer, sources, options), team_files


def clean_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """Lists work folders, and removes the old ones."""
    from airflow_savemasks.engine.opening import open_team_files_root
    from airflow_savemasks.engine.publish.work_folders import clean
    from airflow_savemasks.engine.settings.texts import argument
    from airflow_savemasks.engine.settings.values import days
    from airflow_savemasks.shell.reports import show_folders

    age = argument("--older-than", days, args.older_than)
    team_files = open_team_files_root(args.team_files)
    team_files.watch(stopping.event)
    stopping.obeyed()
    told = clean(team_files, age, stopping.event, dry_run=args.dry_run)
    show_folders(screen, told["folders"])
    return told


def ingest_verb(args: argparse.Namespace, stopping: Stopping, _: Screen) -> dict[str, Any]:
    """A signal ends it at once: each file of the project is whole or not there at any time."""
    from airflow_savemasks.engine.project.ingest import ingest_pairs

    stopping.says = "stopped"
    return ingest_pairs(args.inbox, args.project, args.dataset).to_json()


def _read(path: str, what: str) -> str:
    """A text: of a file, of a URI that smart_open knows, or of standard input. what: that it should hold."""
    try:
        if path == "-":
            return _bounded(sys.stdin)
        if "://" not in path and not path.endswith(PACKED_TEXT):
            with path_of(path).open(encoding="utf-8") as file:  # importing smart_open takes seconds
                return _bounded(file)
        if is_stream(path):
            from airflow_savemasks.engine.storage.stream import read_whole

            return read_whole(path, MOST).decode()
        import smart_open

        with smart_open.open(path, encoding="utf-8") as file:
            return _bounded(file)
    except SettingsError:
        raise
    except StorageError as error:
        raise SettingsError(error.where, f"cannot be read: {error.problem}", error.fix) from None
    except Exception as error:  # smart_open passes on what any backend raises, such as of a bucket without a name
        fix = f"Name a file with {what} in UTF-8"
        raise SettingsError(without_secrets(path), f"cannot be read ({' '.join(str(error).split())})", fix) from error


def _bounded(file: IO[str]) -> str:
    """All of a text, which may come without an end. Raises ValueError."""
    text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"it has more than {MOST >> 20} MiB")
    return text


def _named_source(layer: Layer, text: str) -> tuple[str, str]:
    """`$data_1=./a`, a project's name, or just a URI where there is only one source."""
    name, equals, uri = text.partition("=")
    names = {entry.name for entry in layer.inputs} | {entry.project for entry in layer.inputs}
    if equals and (name.startswith("$") or name in names):
        return name, uri
    if len(layer.inputs) != 1:
        raise SettingsError(
            "--source",
            f"{without_secrets(text)!r} has no name, and the layer has {len(layer.inputs)} sources",
            "Write '$name=URI'",
        )
    return layer.inputs[0].name, text
