"""What an archive will hold: the items of all inputs in its order, each with its folder and name there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from airflow_savemasks.engine.archive.item_names import LAYOUTS, readers_find
from airflow_savemasks.engine.archive.naming import Names, name_problem
from airflow_savemasks.engine.errors import ProjectError, SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.masks import class_maps
from airflow_savemasks.engine.parts.left_out import nothing_picked
from airflow_savemasks.engine.parts.plan import Planned, planned
from airflow_savemasks.engine.planning.pick_as_listed import check_pick, is_in, is_left_out, narrow
from airflow_savemasks.engine.project.dataset import dataset_folder
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Item
from airflow_savemasks.engine.tally import Tally


def list_items(job: Job, remarks: Remarks) -> Iterator[Planned]:
    """All items in the order of the archive: by output folder, then by input, then by name.

    Names are given out in that order; memory holds one folder's. Raises ProjectError where there is no item, and
    for a dataset whose name would lead out of its place in the archive; a picture of such a name is a bad item. What
    `pick` leaves out as it is listed is counted in the remarks. Raises SettingsError for names in it that do not exist,
    and for datasets that are called like class maps that are wanted.
    """
    found = False
    for entry in job.inputs:
        entry.listed.items = entry.listed.bytes = 0
    pick, layout = job.options.pick, LAYOUTS[job.options.layout]
    places = sorted(
        (dataset.split("/"), number, dataset) for number, entry in enumerate(job.inputs) for dataset in entry.datasets()
    )
    check_pick(job, (dataset for _, _, dataset in places))
    _check_names(job, [dataset for _, _, dataset in places if is_in(pick, dataset)])
    narrow(job)
    for source in {id(entry.source): entry.source for entry in job.inputs}.values():  # two inputs may share one
        source.expect([dataset for _, number, dataset in places if job.inputs[number].source is source])
    for _, group in groupby(places, key=lambda place: place[0]):
        names = Names()
        for _, number, dataset in group:
            source, seen = job.inputs[number].source, job.inputs[number].listed
            if not is_in(pick, dataset):
                remarks.left_out += sum(1 for _ in source.items(dataset, Remarks()))
                continue
            if problem := name_problem(dataset.split("/")):
                raise ProjectError(source.uri, f"dataset {dataset!r}: {problem}", "Rename it at the source")
            folder = dataset_folder(dataset)
            for item in source.items(dataset, remarks):
                found = True
                if not item.problem and (problem := _problem(job, item)):
                    item = replace(item, problem=problem)
                name = names.give(layout.own_name(item.name))
                if is_left_out(pick, item):
                    remarks.left_out += 1
                    continue
                seen.items += 1
                seen.bytes += item.size + item.annotation_size
                yield planned(number, folder, name, item, job.digest)
    if pick is not None and pick.reads:
        remarks.unannotated = Tally()  # they are left out, not exported without labels
    if not found and remarks.left_out:
        raise nothing_picked(job, remarks.left_out)
    if not found:
        where = ", ".join(entry.source.uri for entry in job.inputs)
        raise ProjectError(where, "no picture in the chosen datasets", "Check the path and the names of the datasets")


def _check_names(job: Job, datasets: list[str]) -> None:
    """Raises SettingsError for datasets that an archive of this layout has no place for."""
    maps = class_maps.names() if job.options.class_maps and job.options.layout == "supervisely" else []
    if clashing := sorted({f"{name!r}" for name in (one.partition("/")[0] for one in datasets) if name in maps}):
        fact = f"class maps have the names of the datasets {', '.join(clashing)}"
        raise SettingsError("class_maps", fact, "Rename the datasets, or leave the class maps out")
    unseen = [f"{name!r}" for name in dict.fromkeys(datasets) if not readers_find(dataset_folder(name))]
    if unseen and job.options.layout == "webdataset":
        fact = f"readers of shards skip the datasets {', '.join(unseen)} in silence"
        raise SettingsError('layout "webdataset"', fact, "Rename the datasets, or choose another layout")


def _problem(job: Job, item: Item) -> str | None:
    """Why an item cannot have its name in this archive."""
    if job.options.split and re.search(r"[\r\n]", f"{item.dataset}/{item.name}"):
        return f"{item.name!r} in {item.dataset!r} has a line break, and lists of shares have a line for each picture"
    return name_problem([item.name])
