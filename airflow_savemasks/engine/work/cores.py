"""What of this machine the process may use: a container's quota is often far below the cores that it sees."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_cores(root: str = "/") -> int:
    """Cores that this process may keep busy, at least 1.

    The smaller of its CPU affinity (the machine's cores where there is no such thing) and the quotas of its control
    group and the groups above, rounded up. root: where `proc` and `sys` lie. What cannot be read sets no limit.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(Path(root)))]))


def _quotas(root: Path) -> Iterator[float]:
    """The quotas, in cores, of this process's control group and of those above it, in both versions of cgroups."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for group in _with_parents(root / "sys/fs/cgroup", path):
                yield from _quota(_text(group / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for name in dict.fromkeys(("cpu", controllers)):
                for group in _with_parents(root / "sys/fs/cgroup" / name, path):
                    yield from _quota([_text(group / f"cpu.cfs_{which}_us").strip() for which in ("quota", "period")])


def _with_parents(mounted: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above, up to the mount: in a container that is often all that there is to see."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
    for count in range(len(parts), -1, -1):
        yield mounted.joinpath(*parts[:count])


def _quota(words: list[str]) -> Iterator[float]:
    """["200000", "100000"] -> 2.0; nothing for "max", -1 and what is no quota."""
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[0]) > 0 and int(words[1]) > 0:
        yield int(words[0]) / int(words[1])


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""  # another platform, an older kernel, a hidden /proc
