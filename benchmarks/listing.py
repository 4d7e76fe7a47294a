"""Very many items planned and merged against the index of an archive, without a file for each of them.

    python benchmarks/listing.py 1000000

The source only lists; the archive is a file with a hole, and its index is made of the plan. One JSON line on standard
output: seconds of the first plan, of one where nothing changed, and of one where an item in a hundred changed, and the
peak of the memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from airflow_savemasks.engine.archive.index import Member, line_at, read_line, rest_of_line
from airflow_savemasks.engine.archive.manifest import to_json
from airflow_savemasks.engine.archive.published import File, seal
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.limits import LIMITS, Limits
from airflow_savemasks.engine.parts.finished import Finished
from airflow_savemasks.engine.parts.growing import head_of
from airflow_savemasks.engine.parts.plan import PlanFiles
from airflow_savemasks.engine.planning.plans import make_plan
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Item, Loaded, Wanted
from airflow_savemasks.engine.publish.described import describe
from airflow_savemasks.engine.publish.layout import Layout
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Range
from airflow_savemasks.engine.storage.folder import FolderStorage

FOLDER = 10_000  # items in a dataset
SIZE = 4096  # bytes of an item in the archive
SETTINGS = {"masks_machine": True, "masks_human": False, "gt_machine_color": {"leaf": [9, 9, 9]}}
LAYER = {"action": "save_masks", "src": ["$data_1"], "dst": "export", "settings": SETTINGS}


class Listing:
    """A source of so many items, every `changed`-th of which has another identity than before."""

    uri = "synthetic"
    batch = 1
    batch_bytes = 0
    connections = 0
    limits: Limits = LIMITS
    again = None
    opening_seconds = 0.0
    is_indexed = False

    def __init__(self, items: int) -> None:
        self._items = items
        self.changed = 0

    def watch(self, stop: threading.Event) -> None:
        pass

    def meta(self) -> Any:
        return {"classes": [{"title": "leaf", "shape": "polygon", "color": "#00FF00"}], "tags": []}

    def datasets(self) -> list[str]:
        return [f"ds{start // FOLDER:06}" for start in range(0, self._items, FOLDER)]

    def expect(self, datasets: Sequence[str]) -> None:
        pass

    def items(self, dataset: str, _: Remarks) -> Iterator[Item]:
        for number in range(min(FOLDER, self._items - int(dataset[2:]) * FOLDER)):
            name = f"{number:07}.jpg"
            identity = "500000-2" if self.changed and number % self.changed == 0 else "500000-1"
            places = f"{dataset}/img/{name}", f"{dataset}/ann/{name}.json"
            yield Item(dataset, name, *places, identity, "800-1", 500_000, 800)

    def index(self) -> None:
        pass

    def use_index(self, index: bytes) -> None:
        pass

    def load(self, _: Sequence[Item], __: Wanted | None = None) -> list[Loaded]:
        raise AssertionError("nothing is read here")


def publish(job: Job, team_files: FolderStorage, files: PlanFiles) -> None:
    """An archive with a hole for each item, with its index and manifest."""
    running = sha256()
    layout = Layout(len(head_of(job)), None)
    with team_files.writing("export.index.jsonl") as out:
        for planned in files.items():
            names = [(kind, f"{planned.folder}/{kind}/{planned.name}") for kind in ("ann", "img", "masks_machine")]
            members = [Member(kind, name, 512 + 1024 * n, 500, "0" * 64) for n, (kind, name) in enumerate(names)]
            place = f"{planned.folder}/{planned.name}"
            facts = (planned.key, planned.origin, (1280, 1920), 3, members, {"leaf": 12345}, {})
            line = line_at(0, 0, rest_of_line(SIZE, place, *facts))
            line = layout.place(Finished(line, read_line(line), Range("x", 0, SIZE)))
            out.write(line)
            running.update(line)
    with (team_files.root / "export.tar").open("wb") as archive:
        archive.truncate(layout.sizes()[0])
    tar, index = team_files.stat("export.tar"), out.entry
    assert tar is not None
    file = File(file="export.index.jsonl", size=index.size, identity=index.identity, sha256=running.hexdigest())
    described = describe(job, files.plan, {"rendered": 0, "reused": 0, "skipped": 0})
    volumes = {"export.tar": (tar.size, tar.identity)}
    with team_files.writing("export.manifest.json") as manifest:
        manifest.write(seal(to_json(described, "export", layout.totals, volumes, file, head_of(job))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", type=int)
    items: int = parser.parse_args().items
    source = Listing(items)
    job = open_job(parse_layer(LAYER), {"$data_1": source}, Options())
    out: dict[str, Any] = {"items": items}
    with tempfile.TemporaryDirectory() as folder:
        team_files = FolderStorage(Path(folder))
        for step, changed in (("first", 0), ("nothing_changed", 0), ("one_in_a_hundred", 100)):
            source.changed = changed
            with tempfile.TemporaryDirectory() as scratch:
                began = time.perf_counter()
                files = make_plan(job, team_files, FolderStorage(Path(scratch)), WORK_FOLDER)
                out[f"{step}_seconds"] = time.perf_counter() - began
                out[f"{step}_to_render"] = files.plan.todo
                if step == "first":
                    publish(job, team_files, files)
    out["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(out))


if __name__ == "__main__":
    main()
