"""One dataset of a project in a storage: the folders `img/` and `ann/` as listed -> items. Pure.

Whatever lies there is accounted for: as an item, as a bad item where it could have been a picture or an annotation and
cannot be read, or in a remark. Rules: supervisely-format, sections 1 (names of annotations) and 9 (order).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import splitext

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.project.source import Item, is_picture
from airflow_savemasks.engine.storage.base import NO_UTF8, Entry, Folder

NO_ENTRY = Entry(0, "", 0.0)


def dataset_folder(dataset: str) -> str:
    """`parent/child` -> `parent/datasets/child`, the folder of a nested dataset on disk and in the archive."""
    return dataset.replace("/", "/datasets/")


@dataclass(frozen=True, slots=True)
class DatasetListing:
    """where: the dataset's folder for people; dataset: its full name; folder: its path in the storage."""

    where: str
    dataset: str
    folder: str
    pictures: Folder
    annotations: Folder

    def items(self, remarks: Remarks) -> Iterator[Item]:
        """The items in the order of their names. Raises ProjectError where two pictures share an annotation."""
        no_pictures, no_annotations = _no_files(self.pictures), _no_files(self.annotations)
        names = {name for name in (*self.pictures.files, *no_pictures) if is_picture(name)}
        self._note_strangers(remarks, no_pictures)
        by_old_name: dict[str, str] = {}
        used = set()
        lost = {name for name in self.annotations.others if _is_lost(self.annotations, name)}
        for name in sorted(names | lost):
            if name not in names:
                yield self._bad(name, f"an annotation that is {self.annotations.others[name]}")
                continue
            annotation = f"{name}.json"
            if annotation not in self.annotations.files and annotation not in no_annotations:
                annotation = f"{splitext(name)[0]}.json"
                there = annotation in self.annotations.files or annotation in no_annotations
                if there and (other := by_old_name.setdefault(annotation, name)) != name:
                    raise ProjectError(
                        f"{self.where}/ann/{annotation}",
                        f"{other!r} and {name!r} would both be annotated by it",
                        f"Name it {other}.json or {name}.json",
                    )
            used.add(annotation)
            if name in no_pictures:
                yield self._bad(name, f"no picture but {no_pictures[name]}")
            elif annotation in no_annotations:
                yield self._bad(name, f"its annotation {annotation} is no file but {no_annotations[annotation]}")
            else:
                yield self._item(name, annotation, remarks)
        for name in sorted(name for name in (*self.annotations.files, *no_annotations) if name.endswith(".json")):
            if name not in used and name not in lost:
                remarks.orphans.add(f"{self.dataset}/ann/{name}")

    def _item(self, name: str, annotation: str, remarks: Remarks) -> Item:
        picture, found = self.pictures.files[name], self.annotations.files.get(annotation)
        if found is None:
            remarks.unannotated.add(f"{self.dataset}/{name}")
        return Item(
            self.dataset,
            name,
            f"{self.folder}/img/{name}",
            f"{self.folder}/ann/{annotation}" if found else None,
            picture.identity,
            (found or NO_ENTRY).identity,
            picture.size,
            (found or NO_ENTRY).size,
        )

    def _bad(self, name: str, problem: str) -> Item:
        return Item(self.dataset, name, "", None, "", "", 0, problem=problem)

    def _note_strangers(self, remarks: Remarks, no_pictures: dict[str, str]) -> None:
        """What lies in `img/` and is no picture by its name."""
        for name in sorted(self.pictures.files):
            if not is_picture(name):
                remarks.stranger("files with no extension of a picture", f"{self.dataset}/img/{name}")
        for name, what in sorted(no_pictures.items()):
            if not is_picture(name):
                remarks.stranger("entries that are no files", f"{self.dataset}/img/{name} ({what})")


def _no_files(folder: Folder) -> dict[str, str]:
    """Name -> what it is, of everything in a folder that is no file."""
    return {**dict.fromkeys(folder.folders, "a folder"), **folder.others}


def _is_lost(annotations: Folder, name: str) -> bool:
    """Whether something may be the annotation of a picture that cannot be told: its name is no text."""
    return name.endswith(".json") and annotations.others[name] == NO_UTF8
