"""What `pick` asks for, as far as a listing shows it, and its refusals. Rules: more-masks, section 10."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.project.source import Item, Narrows
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.tally import some

MOST_NAMED = 50  # names that exist, in a message that is written once


def check_pick(job: Job, datasets: Iterable[str]) -> None:
    """Raises SettingsError that names every dataset, tag and class which is asked for and does not exist.

    datasets: of all sources, those that the data layers chose.
    """
    pick = job.options.pick
    if pick is None:
        return
    known = {
        "datasets": _with_parents(datasets) if pick.datasets else [],
        "tags": list(job.meta.tags),
        "classes": list(job.meta.classes),
    }
    wrong = {
        kind: [name for name in getattr(pick, kind) if name not in known[kind]] for kind in known if getattr(pick, kind)
    }
    if not any(wrong.values()):
        return
    said = [
        f"no {kind} {', '.join(map(repr, names))}; there are {some(known[kind], MOST_NAMED)}"
        for kind, names in wrong.items()
        if names
    ]
    where = ", ".join(f"pick.{kind}" for kind, names in wrong.items() if names)
    raise SettingsError(where, "; ".join(said), "Correct the names: they are those of the archive, after the mapping")


def narrow(job: Job) -> None:
    """Tell sources whose listing knows tags and labels what is left out anyway, so that no annotation of it is read."""
    pick = job.options.pick
    if pick is None or not pick.reads:
        return
    uses = Counter(id(entry.source) for entry in job.inputs)
    for entry in job.inputs:
        if isinstance(entry.source, Narrows) and uses[id(entry.source)] == 1:  # one that is shared has two mappings
            tags = entry.reader.tags_that_become(pick.tags) if pick.tags else None
            entry.source.narrow(tags, labelled=pick.labelled or bool(pick.classes))


def is_in(pick: Pick | None, dataset: str) -> bool:
    """Whether a dataset, or one that it lies below, is asked for."""
    if pick is None or not pick.datasets:
        return True
    return any(dataset == wanted or dataset.startswith(f"{wanted}/") for wanted in pick.datasets)


def is_left_out(pick: Pick | None, item: Item) -> bool:
    """Whether a picture has no annotation where an annotation decides: no tags and no labels."""
    return pick is not None and pick.reads and item.annotation is None and not item.problem


def _with_parents(datasets: Iterable[str]) -> list[str]:
    """Datasets and every one that they lie below, sorted."""
    found: set[str] = set()
    for dataset in datasets:
        parts = dataset.split("/")
        found.update("/".join(parts[:end]) for end in range(1, len(parts) + 1))
    return sorted(found)
