"""What an item and its files are called in an archive, in each layout. Pure.

Rules: supervisely-format, section 6; more-masks, section 12.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from os.path import splitext

from airflow_savemasks.engine.archive import naming

SKIPPED_BY_READERS = re.compile("__.*__", re.DOTALL)  # folders at the top
# What readers take for a key and an extension; a dot is no line feed
SPLIT_BY_READERS = re.compile(r"(?:.*/|)[^.]+[.][^/]*")
NO_EXTENSION = ".img"  # of a picture in a shard whose name has none, or that of the annotation
ANNOTATION = ".json"


@dataclass(frozen=True, slots=True)
class ItemNames:
    """own_name: of a picture, before numbers keep names apart; the others get an item's folder and the name it was
    given: annotation, picture, mask (with the folder, the short name and the ending of its kind) the member's name,
    listed what the list of a share says of it. has_files: whether meta.json and the like are members.
    """

    own_name: Callable[[str], str]
    annotation: Callable[[str, str], str]
    picture: Callable[[str, str], str]
    mask: Callable[[str, str, str, str, str], str]
    listed: Callable[[str, str], str]
    has_files: bool


def readers_find(folder: str) -> bool:
    """Whether readers of shards find what lies in a folder; they drop the rest in silence."""
    top = folder.partition("/")[0]
    return not SKIPPED_BY_READERS.fullmatch(top) and SPLIT_BY_READERS.fullmatch(f"{folder}/x.json") is not None


def shard_name(name: str) -> str:
    """`a.b.JPG` -> `a_b.jpg`: readers of shards split a name at its first dot, and know extensions in lower case.

    A picture of an instance may be called `a.json`, as the annotation of its sample is: then it is `a.img`.
    """
    stem, extension = splitext(name)
    own = extension.lower()
    return stem.replace(".", "_") + (own if len(own) > 1 and own != ANNOTATION else NO_EXTENSION)


def key_of(folder: str, name: str) -> str:
    """The key of an item in a shard."""
    return f"{folder}/{splitext(name)[0]}"


LAYOUTS = {
    "supervisely": ItemNames(
        own_name=lambda name: name,
        annotation=naming.annotation_member,
        picture=naming.picture_member,
        mask=lambda folder, name, kind, _, ending: naming.mask_member(folder, kind, name, ending),
        listed=naming.picture_member,
        has_files=True,
    ),
    "webdataset": ItemNames(
        own_name=shard_name,
        annotation=lambda folder, name: f"{key_of(folder, name)}{ANNOTATION}",
        picture=lambda folder, name: f"{folder}/{name}",
        mask=lambda folder, name, _, short, ending: f"{key_of(folder, name)}.{short}{ending}",
        listed=key_of,
        has_files=False,
    ),
}
