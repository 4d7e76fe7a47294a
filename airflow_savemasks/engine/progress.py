"""How far an export is: one line every few seconds, for the log and for whoever watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airflow_savemasks.engine.log import log

INTERVAL = 5.0  # seconds between two lines


class Progress:
    """Counts items and bytes; says so every INTERVAL seconds, and once more at the end.

    tell: gets each line besides the log, such as the task state store; it must not raise.
    """

    def __init__(self, tell: Callable[[str], None] | None = None, interval: float = INTERVAL) -> None:
        self._tell = tell
        self._interval = interval
        self._began = self._last = time.monotonic()
        self.total = self.reused = self.done = self.bytes = 0

    def start(self, total: int, reused: int) -> None:
        """total: items of the export; reused: how many of them are finished already."""
        self.total, self.reused = total, reused
        self._began = self._last = time.monotonic()
        self.say(f"{total} items, {reused} of them finished already")

    def add(self, size: int) -> None:
        """One more item, with so many bytes in the archive."""
        self.done += 1
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
        if self._tell:
            self._tell(line)


def outcome_line(result: Mapping[str, Any]) -> str:
    """What came of an export, by its result: `/out/space.tar: 11 items, 1 skipped, 9 reused, 3.1 GB`."""
    items = result["items"]
    whole = items["rendered"] + items["reused"]
    said = [f"{whole} item{'s' if whole != 1 else ''}"]
    if items["skipped"]:
        said.append(f"{items['skipped']} skipped")
    if result.get("left_out"):
        said.append(f"{result['left_out']} left out")
    if result["unchanged"]:
        said.append("nothing changed")
    elif items["reused"]:
        said.append(f"{items['reused']} reused")
    return f"{result['archive']}: {', '.join(said)}, {human_size(result['bytes'])}"


def human_size(size: float) -> str:
    """Bytes for people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
