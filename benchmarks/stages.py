"""Where the time of one image goes, on one thread, and the limit that is left when all the rest costs nothing.

    stages.py PROJECT TEAM_FILES --config LAYER.json [--images N] [--repeats N]

The engine's own functions are wrapped in clocks; each clock counts its own time without that of the clocks inside it,
so that the stages add up to the whole. Prints one JSON object, all in milliseconds per image, medians over repeats:
    stages          name -> time
    limit           decode: cv2.imdecode of the picture; deflate: one ISA-L pass of level 1 over the Sub-filtered scan
                    lines of the human mask; both on one core
    limit_together  both with a thread on each core at once, wall time: what the machine gives when its cores share
                    memory and clock
    missing         functions of the table below that the engine does not have any more
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from importlib import import_module
from itertools import islice
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, BinaryIO

import cv2
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from airflow_savemasks.engine.archive.index import line_at, parse_line
from airflow_savemasks.engine.archive.members import Rendered
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.opening import open_sources
from airflow_savemasks.engine.parts.plan import Planned
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.work.item import render_items

ENGINE = "airflow_savemasks.engine"
METERED = ("Compress", "HASH")  # types of a compressor and a hash: clocked whenever they are used
METHODS = ("compress", "flush", "update", "digest", "hexdigest")
REST = "rest (calls, tests, arrays in between)"
JOIN = "put scan lines and PNG pieces together"
STRIPE = 1 << 18  # bytes of scan lines deflated at a time for the limit
CLOCKS = (  # module, name in it, stage; methods as Class.method, functions of a library by the module that calls them
    ("project.stored", "StorageProject.load", "read picture and annotation"),
    ("project.annotation", "AnnotationReader.read", "JSON to labels"),
    ("geometry.bitmap_coding", "decode_mask", "bitmaps from base64, zlib, PNG"),
    ("native.bitmaps", "read", "bitmaps from base64, zlib, PNG"),
    ("image.decode", "decode", "decode the picture"),
    ("masks.label_map", "LabelMap.paint", "paint class numbers"),
    ("masks.label_map", "LabelMap.count", "count pixels"),
    ("masks.machine", "draw", "machine mask: gray and PNG"),
    ("native.writing", "HumanLines.write", "human mask: blend, filter, deflate"),
    ("native", "Stream.write", "deflate of other masks"),
    ("native", "isal_zlib.adler32", "PNG checksums"),
    ("image.png_write", "isal_zlib.crc32", "PNG checksums"),
    ("project.annotation", "Annotation.to_bytes", "labels to JSON"),
    ("work.item", "pack", "tar headers"),
    ("work.item", "rest_of_line", "index"),
    ("archive.members", "sha256", "SHA-256 of members"),
)


class Clock:
    """Seconds by stage; a stage that runs inside another one is not counted there."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[tuple[str, float]] = []

    def enter(self, stage: str) -> None:
        now = time.perf_counter()
        if self._open:
            self._add(now)
        self._open.append((stage, now))

    def leave(self) -> None:
        now = time.perf_counter()
        self._add(now)
        self._open.pop()
        if self._open:
            self._open[-1] = (self._open[-1][0], now)

    def _add(self, now: float) -> None:
        stage, since = self._open[-1]
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since

    def wrap(self, work: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """`work` with this clock; a compressor or a hash that it returns is clocked too."""

        def run(*args: Any, **options: Any) -> Any:
            self.enter(stage)
            try:
                made = work(*args, **options)
            finally:
                self.leave()
            if type(made).__name__ not in METERED:
                return made
            methods = [name for name in METHODS if hasattr(made, name)]
            return SimpleNamespace(**{name: self.wrap(getattr(made, name), stage) for name in methods})

        return run


def install(clock: Clock) -> list[str]:
    """Put the clocks into the engine; returns what is not there."""
    missing = []
    for module, name, stage in CLOCKS:
        try:
            owner: Any = import_module(f"{ENGINE}.{module}")
        except ModuleNotFoundError:
            owner = None
        *path, last = name.split(".")
        if not hasattr(reduce(lambda at, step: getattr(at, step, None), path, owner), last):
            missing.append(f"{module}.{name}")
        elif path == ["isal_zlib"]:  # only for the calls of this module: a copy of the library's names
            copy = SimpleNamespace(
                **{key: getattr(owner.isal_zlib, key) for key in dir(owner.isal_zlib) if key[0] != "_"}
            )
            setattr(copy, last, clock.wrap(getattr(copy, last), stage))
            owner.isal_zlib = copy
        else:
            holder = reduce(getattr, path, owner)
            raw = vars(holder)[last]
            if isinstance(raw, classmethod):
                setattr(holder, last, classmethod(clock.wrap(raw.__func__, stage)))
            else:
                setattr(holder, last, clock.wrap(raw, stage))
    return missing


def one_item(job: Job, planned: Planned) -> Rendered:
    """Read and render one item on this thread."""
    loaded = job.inputs[planned.input].source.load([planned.item])[0]
    (rendered,) = render_items(job, [(planned, loaded)], lambda _: None, lambda: None)
    if rendered.error:
        raise rendered.error
    return rendered


def measure(job: Job, items: Sequence[Planned], out: BinaryIO, clock: Clock) -> dict[str, float]:
    """Milliseconds per image by stage for one pass over the items."""
    clock.seconds.clear()
    write = SimpleNamespace(write=clock.wrap(out.write, "write"))
    for planned in items:
        clock.enter(REST)
        for piece in one_item(job, planned).pieces:
            write.write(piece)
        clock.leave()
    clock.enter("sync to disk")
    out.flush()
    os.fsync(out.fileno())
    clock.leave()
    return {stage: 1000 * seconds / len(items) for stage, seconds in clock.seconds.items()}


def human_mask(rendered: Rendered) -> bytes:
    """The PNG file among the members of an item."""
    line = parse_line(line_at(0, 0, rendered.line))
    member = next(member for member in line.members if member.kind == "masks_human")
    return b"".join(rendered.pieces)[member.offset : member.offset + member.size]


def scan_lines(human: bytes) -> NDArray[np.uint8]:
    """The Sub-filtered scan lines of a human mask's PNG, made without the engine."""
    image = cv2.imdecode(np.frombuffer(human, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    lines = np.zeros((image.shape[0], 1 + 3 * image.shape[1]), np.uint8)
    lines[:, 0] = 1
    lines[:, 1:] = image.reshape(image.shape[0], -1)
    lines[:, 4:] -= lines[:, 1:-3].copy()
    return lines


def deflate(lines: NDArray[np.uint8]) -> int:
    """One pass of ISA-L, level 1; returns the bytes."""
    made = isal_zlib.compressobj(1)
    rows = max(1, STRIPE // lines.shape[1])
    return sum(len(made.compress(lines[top : top + rows])) for top in range(0, len(lines), rows)) + len(made.flush())


def decode(picture: bytes) -> None:
    cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB)


def limit(pictures: Sequence[bytes], lines: Sequence[NDArray[np.uint8]], threads: int) -> dict[str, float]:
    """Milliseconds per image of decoding and deflating on so many threads, wall time."""

    def clocked(work: Callable[[Any], object], inputs: Sequence[Any]) -> float:
        began = time.perf_counter()
        if threads == 1:  # on the main thread, where memory comes cheapest
            for each in inputs:
                work(each)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, inputs))
        return 1000 * (time.perf_counter() - began) / len(inputs)

    return {"decode": clocked(decode, pictures), "deflate": clocked(deflate, lines)}


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: median(entry.get(key, 0.0) for entry in rounds) for key in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project")
    parser.add_argument("team_files", type=Path)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    open_storage(args.project)
    cores = len(os.sched_getaffinity(0))
    layer = parse_layer(args.config.read_text())
    plain = open_job(layer, open_sources(layer, {layer.inputs[0].name: args.project}), Options())
    items = list(islice(list_items(plain, Remarks()), args.images))
    pictures = [Path(args.project, planned.item.picture).read_bytes() for planned in items]
    rendered = [one_item(plain, planned) for planned in items]
    lines = [scan_lines(human_mask(one)) for one in rendered]
    clock = Clock()
    missing = install(clock)
    job = open_job(layer, open_sources(layer, {layer.inputs[0].name: args.project}), Options())
    args.team_files.mkdir(parents=True, exist_ok=True)
    stages, alone, together = [], [], []
    for number in range(args.repeats):
        with (args.team_files / f"{number}.tar").open("wb") as out:
            stages.append(measure(job, items, out, clock))
        alone.append(limit(pictures, lines, 1))
        together.append(limit(pictures, lines, cores))
    result = {"stages": medians(stages), "limit": medians(alone), "limit_together": medians(together), "cores": cores}
    print(json.dumps(result | {"images": len(items), "missing": missing, "rounds": stages}))


if __name__ == "__main__":
    main()
