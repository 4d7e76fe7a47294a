"""The command line: words in, exit code out. What is heavy is imported when the words are known to be right."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_savemasks import __version__
from airflow_savemasks.engine.errors import SaveMasksError, SettingsError, Stopped
from airflow_savemasks.stopping import Stopping

if TYPE_CHECKING:
    from airflow_savemasks.engine.settings.layer import Layer

DONE, FAILED, WRONG = 0, 1, 2


def run(words: Sequence[str], stopping: Stopping) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong usage or settings, 130 and 143 stopped by a signal."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    if "--debug" in words:
        logging.getLogger("airflow_savemasks").setLevel(logging.DEBUG)
    try:
        result = _verify(words[1:], stopping) if words[:1] == ["verify"] else _export(words, stopping)
    except Stopped as error:
        _say(f"stopped: {error.fix}" if words[:1] != ["verify"] else "stopped")
        return stopping.code if stopping.number else FAILED
    except SettingsError as error:
        _say(f"error: {error}")
        return WRONG
    except SaveMasksError as error:
        _say(f"error: {error}")
        return FAILED
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return DONE


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _verify(words: Sequence[str], stopping: Stopping) -> dict[str, Any]:
    parser = argparse.ArgumentParser(
        "python -m airflow_savemasks verify", description="Re-read a published archive.", allow_abbrev=False
    )
    parser.add_argument("archive", help="path or URI of the .tar, or of one of its volumes")
    place = str(parser.parse_args(words).archive)

    from airflow_savemasks.engine.archive.naming import manifest_path
    from airflow_savemasks.engine.archive.verify import verify
    from airflow_savemasks.engine.opening import open_team_files_root

    if place.lower().startswith("file://"):
        place = unquote(urlsplit(place).path)
    folder, slash, file = place.rpartition("/")
    team_files = open_team_files_root(folder or slash or ".")
    team_files.watch(stopping.event)
    stopping.obeyed()
    name = file.removesuffix(".tar")
    whole, _, number = name.rpartition("-")
    if len(number) == 5 and number.isdecimal() and whole and team_files.stat(manifest_path(name)) is None:
        name = whole
    return verify(team_files, name)


def _export(words: Sequence[str], stopping: Stopping) -> dict[str, Any]:
    args = export_parser().parse_args(words)

    from airflow_savemasks.engine.export import export
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.opening import open_sources, open_team_files_root
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.engine.settings.options import Options

    layer = parse_layer(_read_layer(args.layer))
    given = dict(_named_source(layer, text) for text in args.source)
    options = Options(
        machine_png=args.machine_png,
        strict_colors=args.strict_colors,
        on_bad_item=args.on_bad_item,
        max_skipped=args.max_skipped,
        if_exists=args.if_exists,
        reuse=False if args.no_reuse else args.reuse,
        workers=args.workers,
        volume_size=args.volume_size,
        keep_parts_days=args.keep_parts_days,
        limits=dict(_named_limit(text) for text in args.limit),
    )
    sources = open_sources(layer, given, args.projects)
    team_files = open_team_files_root(args.team_files)
    team_files.watch(stopping.event)
    for source in sources.values():
        source.watch(stopping.event)
    stopping.obeyed()
    return export(open_job(layer, sources, options), team_files, stopping.event, Progress())


def export_parser() -> argparse.ArgumentParser:
    """The arguments of an export. What is not given stays None, so that defaults stand in one place: Options."""
    parser = argparse.ArgumentParser(
        "python -m airflow_savemasks",
        description="Export a Supervisely-format image project with machine and human masks.",
        epilog="python -m airflow_savemasks verify ARCHIVE.tar re-reads a published archive.",
        allow_abbrev=False,
    )
    parser.add_argument("layer", help="file or URI with the layer's JSON or a whole graph; - for standard input")
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="[$NAME=]URI",
        help="where a source lies; the name may be left out when the layer has one source",
    )
    parser.add_argument("--projects", metavar="URI", help="folder of the projects that a graph names")
    parser.add_argument("--team-files", required=True, metavar="URI", help="folder that the archive is written to")
    parser.add_argument("--machine-png", choices=("auto", "rgb"), help="rgb: always three channels")
    parser.add_argument("--strict-colors", action="store_true", help="doubtful colours are errors")
    parser.add_argument("--on-bad-item", choices=("fail", "skip"), help="skip leaves bad items out and lists them")
    parser.add_argument("--max-skipped", metavar="N", help="more skipped items fail the export; default: 100")
    parser.add_argument("--if-exists", choices=("replace", "fail", "rename"), help="default: replace")
    reuse = parser.add_mutually_exclusive_group()
    reuse.add_argument("--no-reuse", action="store_true", help="render every part again")
    reuse.add_argument("--reuse", metavar="NAME", help="take unchanged parts from this earlier archive, too")
    parser.add_argument("--workers", metavar="N", help="threads that render; default: one a core")
    parser.add_argument("--volume-size", metavar="BYTES", help="split a larger archive into volumes")
    parser.add_argument(
        "--keep-parts-days", metavar="DAYS", help="remove finished parts of exports that never ended; default: 7"
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="what an input may take at most, such as labels=200000; may be given again",
    )
    parser.add_argument("--debug", action="store_true", help="log more, tracebacks of unforeseen errors among it")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _read_layer(path: str) -> str:
    """The layer's text: of a file, of a URI that smart_open knows, or of standard input."""
    import smart_open

    try:
        if path == "-":
            return sys.stdin.read()
        with smart_open.open(path, encoding="utf-8") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError, NotImplementedError, ImportError) as error:
        raise SettingsError(path, f"cannot be read ({error})", "Name a file with the layer's JSON in UTF-8") from error


def _named_source(layer: Layer, text: str) -> tuple[str, str]:
    """`$data_1=./a`, a project's name, or just a URI where there is only one source."""
    name, equals, uri = text.partition("=")
    names = {entry.name for entry in layer.inputs} | {entry.project for entry in layer.inputs}
    if equals and (name.startswith("$") or name in names):
        return name, uri
    if len(layer.inputs) != 1:
        raise SettingsError(
            "--source", f"{text!r} has no name, and the layer has {len(layer.inputs)} sources", "Write '$name=URI'"
        )
    return layer.inputs[0].name, text


def _named_limit(text: str) -> tuple[str, str]:
    name, _, number = text.partition("=")
    if not name or not number:
        raise SettingsError("--limit", f"{text!r} is not NAME=NUMBER", "Write one, such as --limit labels=200000")
    return name, number
