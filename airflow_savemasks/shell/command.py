"""From words to an exit code. What is heavy is imported when the words are known to be right."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_savemasks.engine.errors import SaveMasksError, SettingsError, Stopped
from airflow_savemasks.shell import archives, exporting
from airflow_savemasks.shell.screen import Screen
from airflow_savemasks.shell.words import parser
from airflow_savemasks.stopping import Stopping

if TYPE_CHECKING:
    import argparse

DONE, FAILED, WRONG, NOBODY_READS = 0, 1, 2, 141

Verb = Callable[["argparse.Namespace", Stopping, Screen], dict[str, Any] | None]
VERBS: dict[str, Verb] = {
    "export": exporting.export_verb,
    "plan": exporting.plan_verb,
    "clean": exporting.clean_verb,
    "verify": archives.verify_verb,
    "diff": archives.diff_verb,
    "list": archives.list_verb,
    "show": archives.show_verb,
    "extract": archives.extract_verb,
    "ingest": exporting.ingest_verb,
}


def run(words: Sequence[str], stopping: Stopping) -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong usage or settings, 130 and 143 stopped by a signal.

    141: whoever read standard output has gone away.
    """
    known = parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(known)
    if meant := mistyped(words):
        known.error(f"there is no verb {words[0]!r}; did you mean {meant!r}?")
    args = known.parse_args(with_verb(words))
    screen = Screen()
    logging.basicConfig(handlers=[screen.handler()], level=logging.INFO, force=True)
    if args.debug:
        logging.getLogger("airflow_savemasks").setLevel(logging.DEBUG)
    try:
        result = VERBS[args.verb](args, stopping, screen)
        if result is not None:
            sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except Stopped as error:
        screen.say(f"stopped: {error.fix}" if args.verb == "export" else "stopped")
        return stopping.code if stopping.number else FAILED
    except SaveMasksError as error:
        screen.error(*error.report())
        return WRONG if isinstance(error, SettingsError) else FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains when it ends
        return NOBODY_READS
    except Exception as error:
        if args.debug:
            raise
        kind = type(error).__name__
        screen.error(f"unforeseen {kind}: {error}", "--debug shows where; please report it", "")
        return FAILED
    return DONE


def mistyped(words: Sequence[str]) -> str | None:
    """The verb that is meant by the first word where that is none, names no file, and reads like one."""
    first = words[0] if words else ""
    if first in VERBS or not first.isalpha() or Path(first).exists():
        return None
    return next(iter(get_close_matches(first, VERBS, 1, 0.75)), None)


def with_verb(words: Sequence[str]) -> list[str]:
    """Words that begin with no verb are those of an export, as they were before there were verbs.

    >>> with_verb(["layer.json", "--team-files", "out"])[0]
    'export'
    """
    known = not words or words[0] in VERBS or words[0] in {"-h", "--help", "--version"}
    return list(words) if known else ["export", *words]
