"""Reading a project folder: its meta, its datasets (parents before children) and its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SPECIAL_FOLDERS = frozenset({"img", "ann", "img_info", "seg", "meta", "datasets", "blob"})
MIME_BY_EXTENSION = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".mpo": "image/jpeg",
    ".png": "image/png",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".nrrd": "image/nrrd",
}


@dataclass(frozen=True)
class DatasetFolder:
    """A dataset on disk; `names` is its full name as a tuple: ("top", "child")."""

    names: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class PictureFile:
    """A picture on disk with the annotation that belongs to it, if there is one, and its `meta/` JSON."""

    path: Path
    annotation: Path | None
    meta: Path | None


def read_json(path: Path) -> Json:
    """Return the object of a JSON file; ValueError names a file that has none."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object")
    return value


def mime_of(name: str) -> str:
    """Return the MIME type that belongs to a picture's name."""
    return MIME_BY_EXTENSION.get(Path(name).suffix.lower(), "application/octet-stream")


def is_picture(path: Path) -> bool:
    """Tell whether a file counts as a picture of a dataset."""
    return path.is_file() and path.suffix.lower() in MIME_BY_EXTENSION


def datasets(project: Path) -> Iterator[DatasetFolder]:
    """Yield the datasets of a project, siblings by name, each parent before its children."""
    yield from _datasets(project, ())


def pictures(dataset: DatasetFolder) -> Iterator[PictureFile]:
    """Yield the pictures of a dataset itself (not of its children) by name."""
    folder = dataset.path / "img"
    if not folder.is_dir():
        return
    for path in sorted(filter(is_picture, folder.iterdir()), key=lambda item: item.name):
        annotations = dataset.path / "ann"
        candidates = (annotations / f"{path.name}.json", annotations / f"{path.stem}.json")
        meta = dataset.path / "meta" / f"{path.name}.json"
        yield PictureFile(
            path,
            next((candidate for candidate in candidates if candidate.is_file()), None),
            meta if meta.is_file() else None,
        )


def _datasets(folder: Path, parents: tuple[str, ...]) -> Iterator[DatasetFolder]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=lambda item: item.name):
        if path.name in SPECIAL_FOLDERS or not any((path / part).is_dir() for part in ("img", "ann", "datasets")):
            continue
        names = (*parents, path.name)
        yield DatasetFolder(names, path)
        yield from _datasets(path / "datasets", names)
