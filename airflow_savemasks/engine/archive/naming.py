"""Names in the archive, those of its own files, and what happens when two items would share a name. Pure.

Rules: supervisely-format, sections 6 and 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from os.path import splitext

META = "meta.json"
BAD_ITEMS = ".bad_items.jsonl"
VOLUME_DIGITS = 5
ANN, IMG = "ann", "img"


def annotation_member(folder: str, name: str) -> str:
    """The archive member with the annotation of the item that is called `name` in the output."""
    return f"{folder}/{ANN}/{name}.json"


def picture_member(folder: str, name: str) -> str:
    """The archive member with the picture."""
    return f"{folder}/{IMG}/{name}"


def mask_member(folder: str, kind: str, name: str, ending: str) -> str:
    """The archive member with a mask. kind: its folder, such as masks_human; ending: what follows the stem."""
    return f"{folder}/{kind}/{splitext(name)[0]}{ending}"


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


def manifest_path(name: str) -> str:
    return f"{name}.manifest.json"


def index_path(name: str) -> str:
    return f"{name}.index.jsonl"


def bad_items_path(dst: str) -> str:
    return f"{dst}{BAD_ITEMS}"


def planned_name(dst: str) -> str:
    """The name below which the bad items of a dry run stand: an archive that is there keeps its own."""
    return f"{dst}.plan"


def volume_names(name: str, count: int) -> list[str]:
    """The files of an archive of so many volumes."""
    return (
        [f"{name}.tar"] if count == 1 else [f"{name}-{number:0{VOLUME_DIGITS}d}.tar" for number in range(1, count + 1)]
    )


def is_volume(name: str, file: str) -> bool:
    """Whether a file may be a volume of an archive, by its name."""
    return re.fullmatch(re.escape(name) + rf"(-\d{{{VOLUME_DIGITS}}})?\.tar", file) is not None


def root_path(name: str, file: str) -> str:
    """Where a file of the root lies if it is no member: `splits/a.txt` -> `x.splits.a.txt`."""
    return f"{name}.{file.replace('/', '.')}"


def is_root_file(name: str, file: str) -> bool:
    """Whether a file may be one of those, by its name."""
    suffix = file.removeprefix(f"{name}.")
    return suffix != file and re.fullmatch(r"meta\.json|classes\.csv|labelmap\.txt|obj_class_to_[a-z]+_color\.json|"
                                           r"splits\.[^/\0]+\.txt", suffix) is not None  # fmt: skip


def renamed(dst: str) -> Iterator[str]:
    """`x_000`, `x_001`, ... as the original names them."""
    return (f"{dst}_{number:03d}" for number in range(1_000_000))
