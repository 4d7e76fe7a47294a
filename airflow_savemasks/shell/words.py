"""What may be said: the verbs with their words, and help for each with its default."""

from __future__ import annotations

import argparse
import sys
from pathlib import PurePath

from airflow_savemasks import __version__
from airflow_savemasks.engine.reading.kinds import KINDS
from airflow_savemasks.shell.flags import add_flags

ARCHIVE = "path or URI of the .tar, or of one of its volumes"


def parser() -> argparse.ArgumentParser:
    """All verbs, each with its arguments; `verb` and `debug` are always set."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", help="log more, and show tracebacks of unforeseen errors (default: false)"
    )
    common.add_argument("--version", action="version", version=__version__)
    top = argparse.ArgumentParser(
        called(),
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
    _add_plan(verb("plan", "say what an export with the same words would do; renders and writes nothing"))
    _add_clean(verb("clean", "remove what exports that never ran again have left in Team Files; no archive is touched"))
    _add_verify(verb("verify", "re-read a published archive, and name every file that is not as it was written"))
    _add_diff(verb("diff", "say what changed from one archive to another: items, and classes by their pixels"))
    _add_list(verb("list", "list the items of a published archive: name, size, labels and the classes to be seen"))
    _add_show(verb("show", "show what is known of one item of an archive, or write one of its files"))
    _add_extract(verb("extract", "extract an archive or some of its items into a folder, checking every file"))
    _add_ingest(verb("ingest", "take pictures with their annotations from an inbox folder into a project"))
    return top


def called() -> str:
    """How this command was called, for its help."""
    name = PurePath(sys.argv[0]).name
    return "savemasks" if name == "savemasks" else "python -m airflow_savemasks"


def _add_export(export: argparse.ArgumentParser) -> None:
    _add_job(export, "folder that the archive is written to (needed)")


def _add_plan(plan: argparse.ArgumentParser) -> None:
    _add_job(plan, "folder that the archive would be written to (needed)")
    plan.add_argument(
        "--bad-items", metavar="FILE", help="write all bad items there, a JSON object on each line (default: none)"
    )


def _add_job(export: argparse.ArgumentParser, team_files: str) -> None:
    """The words that say what is exported, from where to where, and how."""
    export.add_argument("layer", help="file or URI with the layer's JSON or a whole graph; - for standard input")
    export.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="[$NAME=]URI",
        help="where a source lies; the name may be left out when the layer has one source (default: below --projects)",
    )
    export.add_argument(
        "--projects",
        metavar="URI",
        help="folder of the projects that a graph names (default: none, each is a --source)",
    )
    export.add_argument("--team-files", required=True, metavar="URI", help=team_files)
    add_flags(export)


def _add_clean(clean: argparse.ArgumentParser) -> None:
    clean.add_argument("team_files", help="folder of Team Files, as --team-files of an export")
    clean.add_argument(
        "--older-than",
        metavar="DAYS",
        default="30",
        help="only work folders in which nothing was written for so long (default: 30)",
    )
    clean.add_argument("--dry-run", action="store_true", help="only say what would be removed (default: false)")


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("archive", help=ARCHIVE)
    verify.add_argument("--item", metavar="NAME", help="only this one: ds0/x.png (default: all)")


def _add_diff(diff: argparse.ArgumentParser) -> None:
    diff.add_argument("old", help=ARCHIVE)
    diff.add_argument("new", help="the one that it is compared with")
    diff.add_argument("--html", metavar="FILE", help="write a page with masks side by side (default: none)")
    diff.add_argument(
        "--items", metavar="FILE", help="write all items that changed, a JSON object each (default: none)"
    )


def _add_list(listing: argparse.ArgumentParser) -> None:
    listing.add_argument("archive", help=ARCHIVE)
    listing.add_argument("--dataset", metavar="NAME", help="only the items of this one (default: all)")
    listing.add_argument("--split", metavar="NAME", help="only the items of this share (default: all)")
    listing.add_argument(
        "--class", dest="shown", metavar="NAME", help="only items on which this class is to be seen (default: all)"
    )
    listing.add_argument("--json", action="store_true", help="a JSON object for each item (default: false)")


def _add_show(show: argparse.ArgumentParser) -> None:
    show.add_argument("archive", help=ARCHIVE)
    show.add_argument("name", help="the item's folder and name: ds0/x.png")
    kind = show.add_argument(
        "--kind",
        type=_kind,
        metavar="KIND",
        help=f"which of its files: {', '.join(KINDS)}, or instances/NAME where each label has a file "
        "(default: none, what is known of the item)",
    )
    kind.completer = lambda **_: list(KINDS)  # type: ignore[attr-defined]
    show.add_argument("--out", metavar="FILE", help="where it is written, - for standard output (default: -)")


def _add_extract(extract: argparse.ArgumentParser) -> None:
    extract.add_argument("archive", help=ARCHIVE)
    extract.add_argument(
        "--item", metavar="NAME", action="append", help="only this one: ds0/x.png; may be given again (default: all)"
    )
    extract.add_argument("--out", required=True, metavar="FOLDER", help="where to, made if it is not there (needed)")
    extract.add_argument("--dataset", metavar="NAME", help="only the items of this one (default: all)")
    extract.add_argument("--split", metavar="NAME", help="only the items of this share (default: all)")
    extract.add_argument(
        "--kind", choices=list(KINDS), action="append", help="only such files; may be given again (default: all kinds)"
    )


def _add_ingest(ingest: argparse.ArgumentParser) -> None:
    ingest.add_argument("inbox", help="folder with x.jpg, x.jpg.json ... and meta.json")
    ingest.add_argument(
        "--project", required=True, metavar="FOLDER", help="the project; made if it is not there (needed)"
    )
    ingest.add_argument("--dataset", required=True, metavar="NAME", help="the dataset of it that they go to (needed)")


def _kind(text: str) -> str:
    kind, slash, _ = text.partition("/")
    if kind in KINDS and (not slash or kind == "instances"):
        return text
    raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {', '.join(KINDS)})")


class _Formatter(argparse.HelpFormatter):
    """Fills lines as ever, and keeps those of a text that has some."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(super(_Formatter, self)._fill_text(line, width, indent) for line in text.split("\n"))
