"""The command line: words in, exit code out. What is heavy is imported when the words are known to be right."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_savemasks import __version__
from airflow_savemasks.engine.errors import SaveMasksError, SettingsError, Stopped, StorageError
from airflow_savemasks.engine.storage.opening import is_stream
from airflow_savemasks.engine.storage.uris import without_secrets
from airflow_savemasks.stopping import Stopping

if TYPE_CHECKING:
    from airflow_savemasks.engine.settings.layer import Layer

DONE, FAILED, WRONG = 0, 1, 2
MOST = 64 << 20  # bytes of a layer or of options that come as a stream


def run(words: Sequence[str], stopping: Stopping) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong usage or settings, 130 and 143 stopped by a signal."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    args = parser().parse_args(with_verb(words))
    if args.debug:
        logging.getLogger("airflow_savemasks").setLevel(logging.DEBUG)
    try:
        result = VERBS[args.verb](args, stopping)
    except Stopped as error:
        _say(f"stopped: {error.fix}" if args.verb == "export" else "stopped")
        return stopping.code if stopping.number else FAILED
    except SettingsError as error:
        _say(f"error: {error}")
        return WRONG
    except SaveMasksError as error:
        _say(f"error: {error}")
        return FAILED
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return DONE


def with_verb(words: Sequence[str]) -> list[str]:
    """Words that begin with no verb are those of an export, as they were before there were verbs.

    >>> with_verb(["layer.json", "--team-files", "out"])[0]
    'export'
    """
    known = not words or words[0] in VERBS or words[0] in {"-h", "--help", "--version"}
    return list(words) if known else ["export", *words]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _verify(args: argparse.Namespace, stopping: Stopping) -> dict[str, Any]:
    from airflow_savemasks.engine.archive.published import archive_of
    from airflow_savemasks.engine.archive.verify import verify
    from airflow_savemasks.engine.opening import open_team_files_root

    place = str(args.archive)
    if place.lower().startswith("file://"):
        place = unquote(urlsplit(place).path)
    folder, slash, file = place.rpartition("/")
    team_files = open_team_files_root(folder or slash or ".")
    team_files.watch(stopping.event)
    stopping.obeyed()
    return verify(team_files, archive_of(team_files, file), args.item)


def _export(args: argparse.Namespace, stopping: Stopping) -> dict[str, Any]:
    from airflow_savemasks.engine.export import export
    from airflow_savemasks.engine.job import open_job
    from airflow_savemasks.engine.opening import open_sources, open_team_files_root
    from airflow_savemasks.engine.progress import Progress
    from airflow_savemasks.engine.settings.layer import parse_layer
    from airflow_savemasks.flags import chosen

    if args.layer == args.options == "-":
        raise SettingsError("--options -", "the layer is read from standard input already", "Name a file for one")
    layer = parse_layer(_read(args.layer, "the layer's JSON"))
    given = dict(_named_source(layer, text) for text in args.source)
    options = chosen(args, lambda path: _read(path, "the options' JSON"))
    sources = open_sources(layer, given, args.projects)
    team_files = open_team_files_root(args.team_files)
    team_files.watch(stopping.event)
    for source in sources.values():
        source.watch(stopping.event)
    stopping.obeyed()
    return export(open_job(layer, sources, options), team_files, stopping.event, Progress())


def _ingest(args: argparse.Namespace, _: Stopping) -> dict[str, Any]:
    """A signal ends it at once: each file of the project is whole or not there at any time."""
    from airflow_savemasks.engine.project.ingest import ingest_pairs

    return ingest_pairs(args.inbox, args.project, args.dataset).to_json()


VERBS: dict[str, Callable[[argparse.Namespace, Stopping], dict[str, Any]]] = {
    "export": _export,
    "verify": _verify,
    "ingest": _ingest,
}


def parser() -> argparse.ArgumentParser:
    """All verbs, each with its arguments; `verb` and `debug` are always set."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="log more, tracebacks of unforeseen errors among it")
    common.add_argument("--version", action="version", version=__version__)
    top = argparse.ArgumentParser(
        "python -m airflow_savemasks",
        description="Images with labels out as archives with masks. Words without a verb are those of export.",
        epilog="VERB --help names what a verb takes.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")

    def verb(name: str, does: str) -> argparse.ArgumentParser:
        return verbs.add_parser(
            name,
            help=does,
            description=f"{does[0].upper()}{does[1:]}.",
            parents=[common],
            allow_abbrev=False,
            formatter_class=_Formatter,
        )

    _add_export(verb("export", "export a Supervisely-format image project with machine and human masks"))
    verify = verb("verify", "re-read a published archive, and name every file that is not as it was written")
    verify.add_argument("archive", help="path or URI of the .tar, or of one of its volumes")
    verify.add_argument("--item", help="only this one, by its folder and name: ds0/x.png")
    ingest = verb("ingest", "take pictures with their annotations from an inbox folder into a project")
    ingest.add_argument("inbox", help="folder with x.jpg, x.jpg.json ... and meta.json")
    ingest.add_argument("--project", required=True, metavar="FOLDER", help="the project; made if it is not there")
    ingest.add_argument("--dataset", required=True, metavar="NAME", help="the dataset of it that they go to")
    return top


def _add_export(export: argparse.ArgumentParser) -> None:
    from airflow_savemasks.flags import add_flags

    export.add_argument("layer", help="file or URI with the layer's JSON or a whole graph; - for standard input")
    export.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="[$NAME=]URI",
        help="where a source lies; the name may be left out when the layer has one source",
    )
    export.add_argument("--projects", metavar="URI", help="folder of the projects that a graph names")
    export.add_argument("--team-files", required=True, metavar="URI", help="folder that the archive is written to")
    add_flags(export)


class _Formatter(argparse.HelpFormatter):
    """Fills lines as ever, and keeps those of a text that has some."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(super(_Formatter, self)._fill_text(line, width, indent) for line in text.split("\n"))


PACKED_TEXT = (".gz", ".bz2", ".xz", ".zst")  # endings of files that smart_open unpacks


def _read(path: str, what: str) -> str:
    """A text: of a file, of a URI that smart_open knows, or of standard input. what: that it should hold."""
    try:
        if path == "-":
            return sys.stdin.read()
        if "://" not in path and not path.endswith(PACKED_TEXT):
            return Path(path).expanduser().read_text("utf-8")  # importing smart_open takes seconds
        if is_stream(path):
            from airflow_savemasks.engine.storage.stream import read_whole

            return read_whole(path, MOST).decode()
        import smart_open

        with smart_open.open(path, encoding="utf-8") as file:
            return str(file.read())
    except StorageError as error:
        raise SettingsError(error.where, f"cannot be read: {error.problem}", error.fix) from None
    except (OSError, UnicodeDecodeError, NotImplementedError, ImportError) as error:
        fix = f"Name a file with {what} in UTF-8"
        raise SettingsError(without_secrets(path), f"cannot be read ({error})", fix) from error


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
