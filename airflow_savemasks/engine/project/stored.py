"""A project in a storage as source: its meta, its datasets, its items, and the bytes of an item.

Listing reads no picture and no annotation. Rules: supervisely-format, sections 1 (on disk) and 9 (order).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import orjson

from airflow_savemasks.engine.errors import Changed, Damaged, ItemError, NotFound, ProjectError
from airflow_savemasks.engine.limits import LIMITS, Limits, above
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.ahead import MOST, Ahead, side_by_side
from airflow_savemasks.engine.project.dataset import DatasetListing, dataset_folder
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Again, Item, Loaded, Source, Wanted, is_picture
from airflow_savemasks.engine.storage.base import Entry, Folder, Indexed, ReadableStorage
from airflow_savemasks.engine.storage.in_flight import at_once
from airflow_savemasks.engine.tally import Tally

NOT_DATASETS = frozenset("img ann img_info seg meta datasets blob".split())


class StorageProject:
    """A project in Supervisely's format in a storage."""

    batch = 1
    batch_bytes = 0

    def __init__(
        self,
        storage: ReadableStorage,
        path: str = "",
        connections: int = 0,
        limits: Limits = LIMITS,
        again: Again | None = None,
        opening_seconds: float = 0.5,
    ) -> None:
        self._storage = storage
        self._path = path
        self.uri = storage.locate(path)
        self.connections = connections
        self.again = again
        self.opening_seconds = opening_seconds
        self.limits = limits
        self.is_indexed = isinstance(storage, Indexed)
        self._wrong: dict[str, ProjectError] = {}  # dataset -> why it cannot be listed
        self._notes: list[str] = []  # of looking for datasets
        self._ahead = Ahead(self._list, _entries, MOST if storage.remote else 0)

    @property
    def limits(self) -> Limits:
        """What is refused as too large."""
        return self._storage.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._storage.limits = limits

    def watch(self, stop: threading.Event) -> None:
        self._storage.watch(stop)

    def meta(self) -> Any:
        path = self._join("meta.json")
        where = self._storage.locate(path)
        found = self._storage.stat(path)
        if found is None:
            raise ProjectError(self.uri, "no meta.json there, so it is no project", self._where_else())
        if found.size > self.limits.meta_bytes:
            raise ProjectError(where, *above("meta_bytes", found.size, self.limits))
        try:
            return whole_numbers.loads(self._storage.read(path, found))
        except orjson.JSONDecodeError as error:
            raise ProjectError(where, f"broken JSON ({error})", "Export the project from Supervisely again") from error

    def datasets(self) -> list[str]:
        self._notes = []
        return sorted(self._datasets("", self._path, ()), key=lambda name: name.split("/"))

    def expect(self, datasets: Sequence[str]) -> None:
        self._ahead.expect([dataset for dataset in datasets if dataset not in self._wrong])

    def items(self, dataset: str, remarks: Remarks) -> Iterator[Item]:
        if dataset in self._wrong:
            raise self._wrong[dataset]
        remarks.notes += self._notes
        self._notes = []
        folder = self._join(dataset_folder(dataset))
        pictures, annotations = self._ahead.take(dataset)
        yield from DatasetListing(self._storage.locate(folder), dataset, folder, pictures, annotations).items(remarks)

    def _list(self, dataset: str) -> list[Folder]:
        """Pictures and annotations of a dataset."""
        folder = self._join(dataset_folder(dataset))
        kinds = (partial(self._storage.listdir, f"{folder}/{kind}") for kind in ("img", "ann"))
        return at_once(self._storage.remote, *kinds)

    def index(self) -> bytes | None:
        return self._storage.index() if isinstance(self._storage, Indexed) else None

    def use_index(self, index: bytes) -> None:
        if isinstance(self._storage, Indexed):
            self._storage.use_index(index)

    def load(self, items: Sequence[Item], wanted: Wanted | None = None) -> list[Loaded]:
        return [self._load(item, wanted) for item in items]

    def _load(self, item: Item, wanted: Wanted | None) -> Loaded:
        try:
            annotation = None
            if item.annotation is not None:
                known = Entry(item.annotation_size, item.annotation_identity, 0.0)
                annotation = self._storage.read(item.annotation, known)
            if wanted is not None and not wanted(item, annotation):
                return Loaded(item, left_out=True)
            picture = self._storage.read(item.picture, Entry(item.size, item.picture_identity, 0.0))
        except NotFound as error:
            fix = "Do not change a project while it is exported"
            return Loaded(item, error=ItemError(error.where, "was listed and is gone", fix))
        except (Changed, Damaged) as error:
            return Loaded(item, error=ItemError(error.where, error.problem, error.fix))
        except ItemError as error:
            return Loaded(item, error=error, refused=True)
        return Loaded(item, picture, annotation)

    def _datasets(self, name: str, path: str, above_it: tuple[str, ...]) -> Iterable[str]:
        """Datasets in a folder that holds datasets: the project itself, or a dataset's `datasets/`.

        above_it: identities of the folders that lead here, so that a link back to one of them is noticed.
        """
        here = self._storage.listdir(path)
        where = self._storage.locate(path)
        for other, what in sorted(here.others.items()):
            self._notes.append(f"{where}/{other}: {what}; left out, whether it is a dataset or not")
        if here.identity and here.identity in above_it:
            self._notes.append(f"{where}: a link back to a folder that it lies in; left out")
            return
        if len(above_it) > 2 * self.limits.nesting:
            raise ProjectError(where, *above("nesting", self.limits.nesting + 1, self.limits))
        unused = Tally()
        for file in sorted(filter(is_picture, here.files)):
            unused.add(file)
        others = [f"{folder}/" for folder in here.folders if folder in NOT_DATASETS]
        folders = sorted(set(here.folders) - NOT_DATASETS)
        places = [f"{path}/{folder}" if path else folder for folder in folders]
        listed = side_by_side(self._storage.listdir, places, remote=self._storage.remote)
        for folder, place, inside in zip(folders, places, listed, strict=True):
            full = f"{name}/{folder}" if name else folder
            kinds = {**dict.fromkeys(inside.files, "a file"), **inside.others, **dict.fromkeys(inside.folders, "")}
            if inside.identity and inside.identity in (*above_it, here.identity):
                self._notes.append(f"{where}/{folder}: a link back to a folder that it lies in; left out")
                continue
            if not {"img", "ann", "datasets"} & kinds.keys():
                others.append(f"{folder}/")
            self._note_unused_inside(f"{where}/{folder}", inside)
            if "img" in kinds or "ann" in kinds:
                self._note_wrong(full, place, kinds)
                yield full
            if kinds.get("datasets"):
                self._notes.append(f"{where}/{folder}/datasets: {kinds['datasets']}, not a folder; left out")
            elif "datasets" in kinds:
                yield from self._datasets(full, f"{place}/datasets", (*above_it, here.identity, inside.identity))

        for other in sorted(others):
            unused.add(other)
        if unused.count:
            self._notes.append(f"{where}: {unused.count} entries that are no datasets, left out: {unused}")

    def _note_unused_inside(self, where: str, inside: Folder) -> None:
        """Pictures beside `img/`, and folders that no dataset has: somebody may think that they are exported."""
        unused = Tally()
        if {"img", "ann", "datasets"} & set(inside.folders):
            for name in sorted({*filter(is_picture, inside.files), *set(inside.folders) - NOT_DATASETS}):
                unused.add(name)
        if unused.count:
            self._notes.append(f"{where}: {unused.count} entries that are no part of a dataset, left out: {unused}")

    def _note_wrong(self, dataset: str, place: str, kinds: dict[str, str]) -> None:
        """Keep in mind where something else stands in the place of a dataset's folder: it must not pass for empty."""
        for kind in ("img", "ann"):
            if what := kinds.get(kind):
                where = self._storage.locate(f"{place}/{kind}")
                fix = f"Put the folder {kind!r} there, or leave the dataset out"
                self._wrong[dataset] = ProjectError(where, f"it is {what}, not a folder", fix)

    def _join(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name

    def _where_else(self) -> str:
        """A hint for the commonest mistake: the project lies one folder deeper."""
        here: Folder = self._storage.listdir(self._path)
        if not here.folders and not here.files:
            return "Nothing is there at all: correct the path or the URI"
        for folder in sorted(here.folders):
            if self._storage.stat(self._join(f"{folder}/meta.json")) is not None:
                return f"There is one in {folder!r}: did you mean {self._storage.locate(self._join(folder))}?"
        return "Name the folder that has meta.json and the datasets in it"


def _entries(folders: list[Folder]) -> int:
    return sum(len(folder.files) for folder in folders)


def choose(source: Source, wanted: tuple[str, ...] | None) -> list[str]:
    """The datasets that a data layer asks for, in its order; None: all. Raises ProjectError for an unknown name.

    A nested dataset goes by its full path or by its last part; a named dataset does not include its children.
    """
    known = source.datasets()
    if wanted is None:
        return known
    chosen: list[str] = []
    for name in wanted:
        full = [dataset for dataset in known if dataset == name] or [
            dataset for dataset in known if dataset.rpartition("/")[2] == name.rpartition("/")[2] and "/" not in name
        ]
        if len(full) != 1:
            problem = f"no dataset {name!r}" if not full else f"{name!r} may be any of {full}"
            raise ProjectError(source.uri, problem, f"Choose of {known}")
        chosen += [dataset for dataset in full if dataset not in chosen]
    return chosen
