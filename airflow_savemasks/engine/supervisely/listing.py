"""What an instance lists of a project, as datasets and items. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.limits import Limits, above
from airflow_savemasks.engine.project.source import Item

Json = dict[str, Any]

HASH = 44  # characters of a SHA-256 in base64; what is of another length is no such hash
LINK = "link:"  # before the hash of a picture that lies elsewhere, of which the instance does not vouch for the bytes
RENAME = "Rename it in Supervisely"


def item_of(image: Json, dataset: str, dataset_id: int) -> Item:
    """An image as listed. Raises KeyError, TypeError, ValueError for a record that is none."""
    key = f"{int(dataset_id)}/{int(image['id'])}"
    name = file_name(image["name"])
    shown = name.encode("utf-8", "backslashreplace").decode()
    if shown != name or name in {".", ".."}:
        return Item(dataset, shown, "", None, "", "", 0, problem=f"{shown!r} can be no name of a file")
    # ids keep two images apart whose server says the same of both
    picture = f"{image['id']}|{LINK if image.get('link') else ''}{image.get('hash')}"
    annotation = f"{image['id']}|{image.get('updatedAt')}|{image.get('labelsCount')}"
    return Item(dataset, name, key, key, picture, annotation, int(image.get("size") or 0))


def difference(item: Item, picture: bytes) -> str:
    """What tells the bytes that came from those that were listed, in words; "" where nothing does."""
    listed = item.picture_identity.partition("|")[2]
    if listed.startswith(LINK):
        return ""
    if item.size and len(picture) != item.size:
        return f"the picture has {len(picture)} bytes, it was listed with {item.size}"
    if len(listed) == HASH and base64.b64encode(sha256(picture).digest()).decode("ascii") != listed:
        return "the picture is another than the one that was listed: its hash differs"
    return ""


def full_names(uri: str, records: Sequence[Json], limits: Limits) -> dict[str, int]:
    """Datasets as listed -> full name (`parent/child`) -> id. Raises ProjectError; KeyError for a broken record."""
    by_id = {record["id"]: record for record in records}
    paths: dict[int, tuple[str, ...]] = {}  # id -> names from the top; each is found once, without recursion
    for start in by_id:
        way: list[int] = []
        here = start
        seen = set()
        while here in by_id and here not in paths:
            if here in seen:
                raise ProjectError(
                    uri, f"the dataset {_shown(by_id[here])} lies in itself", "Ask who runs the instance"
                )
            seen.add(here)
            way.append(here)
            here = by_id[here].get("parentId")
        path = paths.get(here, ())
        for number in reversed(way):
            path = (*path, _dataset_name(uri, by_id[number]))
            if len(path) > limits.nesting:
                where = f"{uri}, dataset {_shown(by_id[number])}"
                raise ProjectError(where, *above("nesting", len(path), limits))
            paths[number] = path
    names: dict[str, int] = {}
    for number, path in paths.items():
        full = "/".join(path)
        if full in names:
            raise ProjectError(uri, f"two datasets are called {full!r} as folders", RENAME)
        names[full] = number
    return names


def file_name(name: str) -> str:
    """A name of the instance as the name of a file: it may have slashes there."""
    return name.replace("/", "_").replace("\0", "_")


def _dataset_name(uri: str, record: Json) -> str:
    name = file_name(record["name"])
    if name in {"", ".", ".."} or _shown(record) != repr(name):
        raise ProjectError(f"{uri}, dataset {_shown(record)}", "can be no name of a folder", RENAME)
    return name


def _shown(record: Json) -> str:
    """Its name for people, also where it cannot be written as UTF-8."""
    return repr(file_name(record["name"]).encode("utf-8", "backslashreplace").decode())
