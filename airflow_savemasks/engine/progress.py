"""How far an export is, for the log and for whoever watches: a line at the start, then every few seconds, then the end.

These are all that the package logs at INFO.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_savemasks.engine.log import log

INTERVAL = 5.0  # seconds between two lines
STAGES = ("plan", "render", "publish")  # of an export, one after the other; in a group each is a task of its own


class Progress:
    """Counts items and bytes, and the seconds of each stage; says how far it is every INTERVAL seconds.

    tell: gets each line besides the log, such as the task state store; it must not raise. done: items that are through;
    rendered, bytes: those of them that go into the archive, which are not bad and not left out; reused: what was
    finished before; stages: stage -> seconds, of those that have ended, however they did.
    """

    def __init__(self, tell: Callable[[str], None] | None = None, interval: float = INTERVAL) -> None:
        self._tell = tell
        self._interval = interval
        self._began = self._last = time.monotonic()
        self.total = self.reused = self.done = self.rendered = self.bytes = 0
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Goes around a stage, one of STAGES."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.monotonic() - began

    def start(self, total: int, reused: int | None, what: str = "") -> None:
        """total: items of the export; reused: how many of them are finished already, None where it is only planned;
        what: is going to be made.
        """
        self.total, self.reused = total, reused or 0
        self._began = self._last = time.monotonic()
        done = "only planned" if reused is None else f"{reused} of them finished already"
        self.say(f"{what}{': ' if what else ''}{items(total)}, {done}")

    def add(self, size: int, *, made: bool = True) -> None:
        """One more item is through, with so many bytes in the archive. made: whether it is in there."""
        self.done += 1
        self.rendered += made
        self.bytes += size
        now = time.monotonic()
        if now - self._last >= self._interval:
            self._last = now
            self.say(self.line(now))

    def line(self, now: float | None = None) -> str:
        """`490/900 items (54 %), 17.2 images/s, 3.1 GB, 24 s left`

        No share where all are there: they are not published yet, and an export that fails has not come to 100 %.
        """
        at = self.reused + self.done
        share = f" ({100 * at // self.total} %)" if at < self.total else ""
        return f"{at}/{self.total} items{share}, {self.pace(now)}"

    def pace(self, now: float | None = None) -> str:
        """`17.2 images/s, 3.1 GB, 24 s left`"""
        seconds = max((now or time.monotonic()) - self._began, 1e-6)
        speed = self.done / seconds
        at = self.reused + self.done
        left = f", {(self.total - at) / speed:.0f} s left" if speed and at < self.total else ""
        return f"{speed:.1f} images/s, {human_size(self.bytes)}{left}"

    def say(self, line: str) -> None:
        log.info(line)
        self.show(line)

    def show(self, line: str) -> None:
        """Only for whoever watches: the log has its lines."""
        if self._tell:
            self._tell(line)


def outcome_line(result: Mapping[str, Any]) -> str:
    """What came of an export, by its result, with all figures.

    `/out/space.tar: 11 items, 2 rendered, 9 reused, 1 skipped, 3.1 GB, 2.4 s (plan 0.1, render 2.0, publish 0.3),
    1.0 images/s`
    """
    return f"{result['archive']}: {figures(result)}"


def figures(result: Mapping[str, Any], *, by_stage: bool = True) -> str:
    """The figures of a result: items, bytes, seconds of all stages, images a second where any were rendered."""
    count = result["items"]
    said = [items(count["rendered"] + count["reused"])]
    if result["unchanged"]:
        said.append("nothing changed")
    elif count["reused"]:
        said += [f"{count['rendered']} rendered", f"{count['reused']} reused"]
    if count["skipped"]:
        said.append(f"{count['skipped']} skipped")
    if result.get("left_out"):
        said.append(f"{result['left_out']} left out")
    said.append(human_size(result["bytes"]))
    if stages := result.get("stages"):
        each = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items())
        said.append(f"{sum(stages.values()):.1f} s{f' ({each})' if by_stage else ''}")
        if speed := images_per_second(count["rendered"], stages):
            said.append(f"{speed:.1f} images/s")
    return ", ".join(said)


def images_per_second(rendered: int, stages: Mapping[str, float]) -> float:
    """Items rendered in a second of rendering; 0 where there were none."""
    seconds = stages.get("render", 0.0)
    return rendered / seconds if rendered and seconds > 0 else 0.0


def items(count: int) -> str:
    """`1 item`, `2 items`"""
    return f"{count} item{'s' if count != 1 else ''}"


def human_size(size: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
