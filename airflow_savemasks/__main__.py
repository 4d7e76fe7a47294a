# PYTHON_ARGCOMPLETE_OK
"""The command `savemasks`, also as `python -m airflow_savemasks`, without Airflow.

The last line on standard output is the result as one JSON object; progress and log go to standard error.
Exit codes: 0 done, 1 the export failed, 2 wrong usage or settings, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from airflow_savemasks.stopping import Stopping


def main(argv: Sequence[str] | None = None, stopping: Stopping | None = None) -> int:
    """Run the command line; returns the exit code. stopping: where signals arrive, if the caller has them caught."""
    from airflow_savemasks.shell.command import run

    return run(list(sys.argv[1:] if argv is None else argv), stopping or Stopping())


def command() -> int:
    """As `main`, with signals caught before anything that takes its time is imported."""
    caught = Stopping()
    caught.install()
    return main(stopping=caught)


if __name__ == "__main__":
    sys.exit(command())
