"""Names in the archive: where an item's files lie, and what happens when two items would share a name. Pure.

Rules: supervisely-format, sections 6 and 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from os.path import splitext

META = "meta.json"
ANN, IMG, HUMAN, MACHINE = "ann", "img", "masks_human", "masks_machine"


def dataset_folder(dataset: str) -> str:
    """`parent/child` -> `parent/datasets/child`, the folder of a nested dataset on disk and in the archive."""
    return dataset.replace("/", "/datasets/")


def member(folder: str, kind: str, name: str) -> str:
    """The archive member of one kind for the item that is called `name` in the output."""
    if kind == ANN:
        return f"{folder}/{kind}/{name}.json"
    if kind == IMG:
        return f"{folder}/{kind}/{name}"
    return f"{folder}/{kind}/{splitext(name)[0]}.png"


def name_problem(parts: Iterable[str]) -> str | None:
    """Why the parts of a name would not stay in their place in an archive, or None."""
    for part in parts:
        if part in {"", ".", ".."} or "/" in part or "\0" in part:
            return f"{part!r} cannot be the name of a file or folder"
        if not part.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in part):
            return "a name that is no UTF-8"
    return None


class Names:
    """Gives out the names of one output folder: a stem once only, then `x_1`, `x_2`, ... in the order of asking."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def give(self, name: str) -> str:
        """The output name of a picture: its own, or its stem with the first free number."""
        stem, extension = splitext(name)
        if stem not in self._taken:
            self._taken.add(stem)
            return name
        number = self._next.get(stem, 1)
        while f"{stem}_{number}" in self._taken:
            number += 1
        self._next[stem] = number + 1
        self._taken.add(f"{stem}_{number}")
        return f"{stem}_{number}{extension}"
