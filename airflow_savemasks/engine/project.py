"""A source project: its meta, its datasets, its items as listed, and the bytes of an item.

Listing reads no picture and no annotation. Rules: supervisely-format, sections 1 (on disk) and 9 (order).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os.path import splitext
from typing import Any, Protocol

import orjson

from airflow_savemasks.engine.errors import ItemError, ProjectError, StorageError
from airflow_savemasks.engine.naming import dataset_folder
from airflow_savemasks.engine.picture import is_picture
from airflow_savemasks.engine.storage import Folder, Storage

NOT_DATASETS = frozenset("img ann img_info seg meta datasets blob".split())


@dataclass(frozen=True, slots=True)
class Item:
    """A picture with its annotation, as listed.

    dataset: full name, `parent/child`; picture, annotation: where the source finds them (annotation None: there is
    none); identity: changes when either changes; size: bytes of the picture.
    """

    dataset: str
    name: str
    picture: str
    annotation: str | None
    identity: str
    size: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The bytes of one item, or why there are none."""

    item: Item
    picture: bytes = b""
    annotation: bytes | None = None
    error: ItemError | None = None


class Source(Protocol):
    """A project, wherever it lies.

    uri: for messages and digests. batch, batch_bytes: how many items, and of how many bytes of pictures, one `load`
    takes best. connections: loads worth having in
    flight at once; 0 where reading is so fast that a thread of its own is a waste.
    """

    uri: str
    batch: int
    batch_bytes: int
    connections: int

    def meta(self) -> Any:
        """meta.json as parsed JSON. Raises ProjectError."""

    def datasets(self) -> list[str]:
        """Full names, sorted, parents before children."""

    def items(self, dataset: str, notes: list[str]) -> Iterator[Item]:
        """The items of one dataset, sorted by name; what is left out as no item is told in `notes`."""

    def load(self, items: Sequence[Item]) -> list[Loaded]:
        """The bytes of some items, in their order. Raises StorageError where the storage itself fails."""


class StorageProject:
    """A project in Supervisely's format in a storage."""

    batch = 1
    batch_bytes = 0

    def __init__(self, storage: Storage, path: str = "", connections: int = 0) -> None:
        self._storage = storage
        self._path = path
        self.uri = storage.locate(path)
        self.connections = connections

    def meta(self) -> Any:
        where = self._storage.locate(self._join("meta.json"))
        if self._storage.stat(self._join("meta.json")) is None:
            raise ProjectError(self.uri, "no meta.json there, so it is no project", self._where_else())
        try:
            return orjson.loads(self._storage.read(self._join("meta.json")))
        except orjson.JSONDecodeError as error:
            raise ProjectError(where, f"broken JSON ({error})", "Export the project from Supervisely again") from error

    def datasets(self) -> list[str]:
        return sorted(self._datasets("", self._path), key=lambda name: name.split("/"))

    def items(self, dataset: str, notes: list[str]) -> Iterator[Item]:
        folder = self._join(dataset_folder(dataset))
        pictures = self._storage.listdir(f"{folder}/img").files
        annotations = self._storage.listdir(f"{folder}/ann").files
        by_old_name: dict[str, str] = {}
        strangers = sorted(name for name in pictures if not is_picture(name))
        if strangers:
            notes.append(f"{self._storage.locate(folder)}/img: {_some(strangers)} no picture by extension; left out")
        used = set()
        for name in sorted(name for name in pictures if is_picture(name)):
            annotation = f"{name}.json"
            if annotation not in annotations:
                annotation = f"{splitext(name)[0]}.json"
                if annotation in annotations and (other := by_old_name.setdefault(annotation, name)) != name:
                    raise ProjectError(
                        self._storage.locate(f"{folder}/ann/{annotation}"),
                        f"{other!r} and {name!r} would both be annotated by it",
                        f"Name it {other}.json or {name}.json",
                    )
            found = annotations.get(annotation)
            used.add(annotation)
            yield Item(
                dataset,
                name,
                f"{folder}/img/{name}",
                f"{folder}/ann/{annotation}" if found else None,
                f"{pictures[name].identity}|{found.identity if found else ''}",
                pictures[name].size,
            )
        orphans = sorted(name for name in annotations if name.endswith(".json") and name not in used)
        if orphans:
            notes.append(f"{self._storage.locate(folder)}/ann: {_some(orphans)} without a picture; ignored")

    def load(self, items: Sequence[Item]) -> list[Loaded]:
        return [self._load(item) for item in items]

    def _load(self, item: Item) -> Loaded:
        try:
            picture = self._storage.read(item.picture)
            annotation = None if item.annotation is None else self._storage.read(item.annotation)
        except StorageError as error:
            if type(error) is not StorageError or error.problem != "does not exist":
                raise
            problem = ItemError(error.where, "was listed and is gone", "Do not change a project while it is exported")
            return Loaded(item, error=problem)
        return Loaded(item, picture, annotation)

    def _datasets(self, name: str, path: str) -> Iterable[str]:
        """Datasets in a folder that holds datasets: the project itself, or a dataset's `datasets/`."""
        for folder in self._storage.listdir(path).folders:
            if folder in NOT_DATASETS:
                continue
            inside = self._storage.listdir(f"{path}/{folder}" if path else folder).folders
            full = f"{name}/{folder}" if name else folder
            if "img" in inside or "ann" in inside:
                yield full
            if "datasets" in inside:
                yield from self._datasets(full, f"{path}/{folder}/datasets" if path else f"{folder}/datasets")

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


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more files are" if len(names) > 1 else " is"
    return f"{names[0]!r}{more}"
