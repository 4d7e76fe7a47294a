"""An archive that is going to be published, while its items are placed; its index and lists lie in the work folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from airflow_savemasks.engine.archive.bad_items import Skipped
from airflow_savemasks.engine.archive.published import Known, Published, look_at
from airflow_savemasks.engine.errors import ArchiveError, BadItemsError, Stopped
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.parts.finished import Finished, FinishedItems
from airflow_savemasks.engine.parts.head import head_of
from airflow_savemasks.engine.parts.left_out import LeftOut, nothing_picked
from airflow_savemasks.engine.parts.plan import Plan, PlanFiles
from airflow_savemasks.engine.parts.resume import free_name
from airflow_savemasks.engine.parts.seen import Seen
from airflow_savemasks.engine.publish.gates import Counted
from airflow_savemasks.engine.publish.layout import Layout
from airflow_savemasks.engine.publish.next_file import NextFile, next_index
from airflow_savemasks.engine.publish.splits import Splits
from airflow_savemasks.engine.publish.targets import check_targets
from airflow_savemasks.engine.storage.base import Storage

NAMED = 20  # missing items in an error


@dataclass(frozen=True, slots=True)
class NextArchive:
    """name: it is published as <name>.tar; known: the manifest that it replaces; layout: where its items go; index,
    splits: written, but for their ends; counted: what gates bound.
    """

    name: str
    known: Known
    layout: Layout
    index: NextFile
    splits: Splits
    counted: Counted = field(default_factory=Counted)

    @property
    def replaces(self) -> Published | None:
        """The archive that is there now."""
        return self.known.published

    def add(self, found: Finished) -> None:
        """Give an item the next place."""
        self.index.write(self.layout.place(found))
        self.splits.add(found.known)
        self.counted.add(found.known)


@contextmanager
def next_archive(job: Job, team_files: Storage, plan: Plan, seen: Seen) -> Iterator[NextArchive]:
    """One without items. Nothing of it stays where the block raises before it is published.

    Raises ArchiveError where it could not be written (targets.py).
    """
    name = free_name(job, team_files, plan.dst)
    check_targets(job, team_files, name)
    known = seen.known if name == seen.name else look_at(team_files, name)
    layout = Layout(len(head_of(job)), job.options.volume_size)
    with NextFile(team_files, next_index(plan.dst)) as index, Splits(job, team_files) as splits:
        yield NextArchive(name, known, layout, index, splits)


def place_all(
    job: Job,
    team_files: Storage,
    files: PlanFiles,
    finished: FinishedItems,
    archive: NextArchive,
    stop: threading.Event | None,
) -> None:
    """Find all items of a plan, and place them. Raises ArchiveError, BadItemsError, Stopped."""
    missing: list[str] = []
    count = 0
    totals = archive.layout.totals
    totals.left_out = files.plan.left_out
    for planned in files.items():
        if stop is not None and stop.is_set():
            raise Stopped
        found = finished.find(planned)
        if isinstance(found, Finished):
            archive.add(found)
        elif isinstance(found, LeftOut):
            totals.left_out += 1
        elif isinstance(found, Skipped) and job.options.on_bad_item == "skip":
            totals.skipped.append(found)
        else:
            count += 1
            if count <= NAMED:
                missing.append(f"{planned.folder}/{planned.name}")
    if count:
        raise ArchiveError(
            team_files.locate(f"{files.plan.dst}.tar"),
            f"{count} of {files.plan.items} items are missing: {', '.join(missing)}",
            "Clear the plan task (or run the export again): only these items will be rendered",
        )
    if not totals.items and totals.left_out:
        raise nothing_picked(job, totals.left_out)
    if len(totals.skipped) > job.options.max_skipped:
        fix = f"Mend them, or raise max_skipped above {job.options.max_skipped}"
        bad = [one.bad.to_error() for one in totals.skipped]
        raise BadItemsError(bad, fix, items=files.plan.items)
