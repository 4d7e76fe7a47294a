"""What a signal does before anybody obeys it, once somebody does, and when it comes again."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = (
    "import os, signal; from airflow_savemasks.stopping import Stopping; s = Stopping(); s.install();"
    "send = lambda number: os.kill(os.getpid(), number);"
)
END = "print('went on', s.event.is_set(), s.number, s.code)"


@pytest.mark.parametrize(
    ("does", "code", "says", "prints"),
    [
        ("send(signal.SIGTERM);", 143, "stopped before anything was done\n", ""),
        ("s.says = 'stopped'; send(signal.SIGINT);", 130, "stopped\n", ""),
        ("s.obeyed(); send(signal.SIGTERM);", 0, "", "went on True 15 143\n"),
        ("s.obeyed(); send(signal.SIGINT); send(signal.SIGTERM);", 130, "stopped at once\n", ""),
        ("s.obeyed();", 0, "", "went on False 0 128\n"),
    ],
)
def test_a_signal_ends_the_process_unless_somebody_obeys_it_and_the_second_one_does(
    does: str, code: int, says: str, prints: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + does + END], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (code, says, prints)
