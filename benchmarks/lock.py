"""How long one image keeps other threads of its process from running.

CPU seconds of reading and rendering it on one thread, without those in calls that let go of Python's lock (the kernels,
OpenCV, SHA-256, checksums, reading). What numpy does without it is not told apart, so it is held less than this says.

    lock.py PROJECT --config LAYER.json [--images N] [--repeats N]

CPU seconds depend little on what else the machine does. Prints one JSON object: `lock`, seconds for an image, median.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import cv2
from isal import isal_zlib
from stages import one_item

from airflow_savemasks.engine import native
from airflow_savemasks.engine.archive import members
from airflow_savemasks.engine.job import open_job
from airflow_savemasks.engine.opening import open_sources
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options

CV2 = "imdecode fillPoly copyTo addWeighted applyColorMap calcHist LUT polylines line"


class Outside:
    """CPU seconds spent without the lock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clocked(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return work(*args, **options)
            finally:
                self.seconds += time.thread_time() - began

        return run

    def copy(self, library: Any, names: list[str]) -> SimpleNamespace:
        """A library of which the calls of those names are clocked."""
        found = {name: getattr(library, name) for name in dir(library) if name[0] != "_"}
        return SimpleNamespace(**found | {name: self.clocked(found[name]) for name in names})

    def sha256(self) -> SimpleNamespace:
        made = self.plain_sha256()
        return SimpleNamespace(update=self.clocked(made.update), hexdigest=made.hexdigest)

    def install(self) -> None:
        """Clocks around what lets go of the lock."""
        self.plain_sha256 = members.sha256
        members.sha256 = self.sha256
        libraries = {
            "cv2": self.copy(cv2, CV2.split()),
            "isal_zlib": self.copy(isal_zlib, ["crc32", "adler32"]),
            "os": self.copy(os, ["read"]),
        }
        for module in [one for name, one in sys.modules.items() if name.startswith("airflow_savemasks.engine.")]:
            for name, library in libraries.items():
                if hasattr(module, name):
                    setattr(module, name, library)
        if native.library is not None:
            for name in set(native._SIGNATURES) - native._QUICK:  # noqa: SLF001 - which keep it
                setattr(native.library, name, _Clocked(getattr(native.library, name), self))


class _Clocked:
    """A function of the kernels."""

    def __init__(self, work: Any, outside: Outside) -> None:
        self._run = outside.clocked(work)

    def __call__(self, *args: Any) -> Any:
        return self._run(*args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    layer = parse_layer(args.config.read_text())
    job = open_job(layer, open_sources(layer, {layer.inputs[0].name: args.project}), Options())
    items = list(islice(list_items(job, Remarks()), args.images))
    outside = Outside()
    outside.install()
    found = []
    for _ in range(args.repeats):
        began, outside.seconds = time.thread_time(), 0.0
        for planned in items:
            one_item(job, planned)
        found.append((time.thread_time() - began - outside.seconds) / len(items))
    print(json.dumps({"lock": median(found)}))


if __name__ == "__main__":
    main()
