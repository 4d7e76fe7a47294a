"""An export that has labels and shows none of them is a mistake in the colors, which nobody sees in a green run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_savemasks.engine.archive.totals import Totals
from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.tally import Tally


def check_drawn(job: Job, totals: Totals) -> None:
    """Before an archive is published: a note in its totals where nothing is drawn and that is allowed.

    Raises SettingsError where it is not (`unknown_colors`).
    """
    if fact := _nothing(job, totals.items, totals.labels, totals.pixels):
        totals.notes.append(fact)


def expect_drawn(job: Job, items: int, labels: Mapping[str, int]) -> str:
    """The same before anything is drawn: the note, or nothing. labels: class name -> labels of it."""
    return _nothing(job, items, sum(labels.values()), labels)


def check_published(job: Job, manifest: Mapping[str, Any]) -> None:
    """The same for an archive that is there already, and may have been made when it was allowed."""
    pixels = {item["name"]: item["pixels"] for item in manifest["classes"]}
    _nothing(job, manifest["totals"]["items"], manifest["totals"]["labels"], pixels)


def _nothing(job: Job, items: int, labels: int, pixels: Mapping[str, int]) -> str:
    """What is wrong, or nothing. pixels: class name -> visible pixels, as `Drawing.pixels` counts them."""
    if job.options.semantic:  # these masks show the labels of all classes
        return ""
    if not labels or not _counted_all(job) or any(count and _shows(job, name) for name, count in pixels.items()):
        return ""
    fact = f"nothing is drawn: no mask of {items} items shows any of {labels} labels"
    if job.options.unknown_colors == "warn":
        return fact
    without = Tally()
    for name in job.meta.classes:
        if not _shows(job, name):
            without.add(name)
    which = (
        f"Give colours for the classes of these labels, such as {without}" if without.count else "Look at the labels"
    )
    raise SettingsError("colours", fact, f'{which}; unknown_colors="warn" publishes such an archive')


def _shows(job: Job, name: str) -> bool:
    """Whether a class would be seen in any mask: in masks of instances one in black, too."""
    return job.colors.show(name) or (job.options.instances is not None and job.colors.draws(name))


def _counted_all(job: Job) -> bool:
    """Whether every class that a mask shows was counted: only one mask is counted where there are two."""
    machine, human = job.colors.machine, job.colors.human
    return machine is None or human is None or set(human) <= set(machine)
