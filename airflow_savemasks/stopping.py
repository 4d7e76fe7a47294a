"""Ctrl-C and SIGTERM of a process that runs the shell. Imports next to nothing, so that it can be installed first."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

STDERR = 2
CURSOR = "\r\x1b[K\x1b[?25h"  # a progress bar hides it


class Stopping:
    """What signals ask for. event: set by the first signal once somebody obeys it; number: of that signal, or 0; says:
    what is said where nobody obeys.

    Before anybody obeys (while modules are imported or a layer is read) nothing has been written that could be left
    half done, so a signal ends the process at once; so does the second one.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.says = "stopped before anything was done"
        self.number = 0
        self._obeyed = False

    def install(self) -> None:
        """From now on SIGINT and SIGTERM come here."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)

    def obeyed(self) -> None:
        """From now on the work looks at `event`."""
        self._obeyed = True

    @property
    def code(self) -> int:
        """The exit code that shells give to a process that ended by the signal."""
        return 128 + self.number

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        again = self.event.is_set()
        self.number = self.number or number
        if self._obeyed and not again:
            self.event.set()
            return
        shown = CURSOR if os.isatty(STDERR) else ""
        os.write(STDERR, f"{shown}{'stopped at once' if again else self.says}\n".encode())
        os._exit(self.code)
