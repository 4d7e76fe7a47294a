"""What a person sees, all of it on standard error: on a terminal with colors and a bar, elsewhere plain lines."""

from __future__ import annotations

import logging
import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.shell.text import as_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}
INTERVAL = 0.1  # seconds between two looks at a bar
LINES = 5.0  # seconds between two lines where there is no bar


class Screen:
    """console: None where standard error is no terminal. rich is imported for a terminal only."""

    def __init__(self) -> None:
        self.console: Console | None = None
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console

            self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """One line, or some. Names in it may hold anything: what is no text is written out."""
        text = as_lines(text)
        if self.console is None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        else:
            from rich.text import Text

            self.console.print(Text(text, style=style))

    def error(self, fact: str, fix: str, more: str) -> None:
        """What is wrong, what to do, and what else there is to know, each beginning a line."""
        if self.console is None:
            self.say(f"error: {fact}\nfix: {fix}" + (f"\n{more}" if more else ""))
            return
        from rich.text import Text

        fact, fix, more = map(as_lines, (fact, fix, more))
        self.console.print(Text.assemble(("error: ", "bold red"), fact))
        self.console.print(Text.assemble(("fix: ", "bold green"), fix))
        if more:
            self.console.print(Text(more))

    def handler(self) -> logging.Handler:
        """For the log: warnings are shown once each."""
        return _Handler(self)

    def bar(self, what: str, unit: str) -> Bar:
        """Progress of something that is counted in a unit ("items", "bytes")."""
        return Bar(self, what, unit)


class _Handler(logging.Handler):
    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))
        self._screen = screen
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.WARNING:
            if text in self._warned:
                return
            self._warned.add(text)
        if self._screen.console is None:
            text = f"{record.levelname} {text}"
        elif record.levelno != logging.INFO:
            text = f"{record.levelname.lower()}: {text}"
        self._screen.say(text, STYLES.get(record.levelno, ""))


class Bar:
    """A bar as long as its block lasts; where there is no terminal, a line every LINES seconds."""

    def __init__(self, screen: Screen, what: str, unit: str) -> None:
        self._screen, self._what, self._unit = screen, what, unit
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._looked = self._said = time.monotonic()

    def __enter__(self) -> Self:
        if self._screen.console is not None:
            from rich.progress import BarColumn, SpinnerColumn, TextColumn
            from rich.progress import Progress as Bars

            columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}")
            self._bars = Bars(*columns, console=self._screen.console, transient=True, refresh_per_second=8)
            self._bars.start()
            self._task = self._bars.add_task(self._what, total=None, text="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    @property
    def shown(self) -> bool:
        """Whether there is a terminal to show it on."""
        return self._bars is not None

    def at(self, done: int, whole: int, text: str = "", *, always: bool = False) -> None:
        """How far it is. text: beside the bar, or instead of `done/whole unit`; always: however soon it comes."""
        now = time.monotonic()
        text = text or f"{done}/{whole} {self._unit}"
        if self._bars is not None and self._task is not None and (always or now - self._looked >= INTERVAL):
            self._looked = now
            self._bars.update(self._task, completed=done, total=whole, text=text)
        elif self._bars is None and now - self._said >= LINES:
            self._said = now
            self._screen.say(f"{self._what}: {text}")


class ShownProgress(Progress):
    """An export's progress as a bar. Where there is none, as lines in the log, as ever."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self._bar = bar

    def start(self, total: int, reused: int | None, what: str = "") -> None:
        super().start(total, reused, what)
        self._show(always=True)

    def add(self, size: int, *, made: bool = True) -> None:
        super().add(size, made=made)
        self._show()

    def say(self, line: str) -> None:
        if not self._bar.shown:
            super().say(line)

    def _show(self, *, always: bool = False) -> None:
        if self._bar.shown:
            at = self.reused + self.done
            self._bar.at(at, self.total, f"{at}/{self.total} items, {self.pace()}", always=always)
