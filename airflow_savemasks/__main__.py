"""The export from a shell, without Airflow.

The last line on standard output is the result as one JSON object; progress and log go to standard error.
Exit codes: 0 done, 1 the export failed, 2 wrong usage or settings.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

import smart_open

from airflow_savemasks import __version__
from airflow_savemasks.engine.errors import SaveMasksError, SettingsError
from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.job import open_job
from airflow_savemasks.engine.layer import Layer, parse_layer
from airflow_savemasks.engine.options import Options
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.sources import open_sources, open_team_files_root
from airflow_savemasks.engine.verify import verify

DONE, FAILED, WRONG = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        result = _verify(words[1:]) if words[:1] == ["verify"] else _export(words)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    except SaveMasksError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    print(json.dumps(result, ensure_ascii=False))
    return DONE


def _verify(words: Sequence[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser("python -m airflow_savemasks verify", description="Re-read a published archive.")
    parser.add_argument("archive", help="path or URI of the .tar")
    folder, _, name = parser.parse_args(words).archive.rpartition("/")
    return verify(open_team_files_root(folder or "."), name.removesuffix(".tar"))


def _export(words: Sequence[str]) -> dict[str, Any]:
    parser = _parser()
    args = parser.parse_args(words)
    layer = parse_layer(_read_layer(args.layer))
    given = dict(_named_source(layer, text) for text in args.source)
    options = Options(
        machine_png=args.machine_png,
        strict_colors=args.strict_colors,
        on_bad_item=args.on_bad_item,
        max_skipped=args.max_skipped,
        if_exists=args.if_exists,
        reuse=args.reuse or not args.no_reuse,
        workers=args.workers,
        volume_size=args.volume_size,
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    job = open_job(layer, open_sources(layer, given, args.projects), options)
    return export(job, open_team_files_root(args.team_files), stop, Progress())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m airflow_savemasks",
        description="Export a Supervisely-format image project with machine and human masks.",
        epilog="python -m airflow_savemasks verify ARCHIVE.tar re-reads a published archive.",
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
    parser.add_argument("--machine-png", choices=("auto", "rgb"), default="auto", help="rgb: always three channels")
    parser.add_argument("--strict-colors", action="store_true", help="doubtful colours are errors")
    parser.add_argument("--on-bad-item", choices=("fail", "skip"), default="fail")
    parser.add_argument("--max-skipped", type=int, default=100, metavar="N")
    parser.add_argument("--if-exists", choices=("replace", "fail", "rename"), default="replace")
    parser.add_argument("--no-reuse", action="store_true", help="render every part again")
    parser.add_argument("--reuse", metavar="NAME", help="take unchanged parts from this earlier archive, too")
    parser.add_argument("--workers", type=int, metavar="N", help="threads that render; default: one a core")
    parser.add_argument("--volume-size", type=int, metavar="BYTES", help="split a larger archive into volumes")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _read_layer(path: str) -> str:
    """The layer's text: of a file, of a URI that smart_open knows, or of standard input."""
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


if __name__ == "__main__":
    sys.exit(main())
