"""How work folders and the files in them are called.

A file that an export makes has a name that nobody else has, so that two tries never write the same one; it begins with
the settings of the export. So what other exports of the same archive have finished, or are rendering just now, is told
from what this one has made, and left to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from uuid import uuid4

from airflow_savemasks.engine.storage.base import WORK_FOLDER, Entry

READABLE_NAME = 40  # characters of an archive's name in that of its work folder
SETTINGS = 8  # hexadecimal digits of the settings in a name
OWN_NAME = re.compile(r"[0-9a-f]{32}\.")


def is_work_folder(name: str) -> bool:
    """Whether a folder below WORK_FOLDER is one of `folder_of`, by its name."""
    return re.fullmatch(rf"[A-Za-z0-9._ -]{{1,{READABLE_NAME}}}-[0-9a-f]{{16}}", name) is not None


def folder_of(archive: str) -> str:
    """Where the parts of an archive lie: a name of bounded length, whatever the archive is called, with no slash."""
    words = re.sub(r"[^A-Za-z0-9._ -]+", "_", archive)[:READABLE_NAME]
    return f"{WORK_FOLDER}/{words}-{sha256(archive.encode()).hexdigest()[:16]}"


def new_name(settings: str) -> str:
    """32 hexadecimal digits that nobody else has. settings: digest of the job, or a name that was made with it."""
    return settings[:SETTINGS] + uuid4().hex[SETTINGS:]


def new_part(archive: str, settings: str) -> str:
    """The path of a part that does not exist yet."""
    return f"{folder_of(archive)}/{new_name(settings)}.tar"


def is_of_others(file: str, settings: str) -> bool:
    """Whether a file of a work folder was made by an export with other settings. file: its name."""
    return OWN_NAME.match(file) is not None and file[:SETTINGS] != settings[:SETTINGS]


def only_others(files: Mapping[str, Entry], settings: str) -> dict[str, Entry]:
    """Those of a work folder, by name, that exports with other settings have made."""
    return {name: entry for name, entry in files.items() if is_of_others(name, settings)}


def without_others(files: Mapping[str, Entry], settings: str) -> dict[str, Entry]:
    """Those of a work folder, by name, that an export with these settings may use, or remove."""
    return {name: entry for name, entry in files.items() if not is_of_others(name, settings)}
