"""Paths below a folder: which of them can be written, which lead out of it, and how they are shown to people."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.open_files import kind_of

LONGEST_NAME = 255  # bytes, where the file system does not tell
LONGEST_PATH = 4095  # bytes
LEADS_OUT = "a link that leads out of the root"


def readable(name: str) -> str:
    r"""A name as people can read it and JSON can hold it: bytes that are no UTF-8 become `\\xe9`."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def is_inside(root: Path, path: Path) -> bool:
    """Whether a path, all links followed, lies in the folder `root` or is it."""
    real, place = os.path.realpath(root), os.path.realpath(path)
    return place == real or place.startswith(real.rstrip("/") + "/")


def obstacle(root: Path, path: str, *, confined: bool) -> str | None:
    """Why no file can be written at `path` below `root`, in words, or None. Writes nothing."""
    try:
        encoded = [part.encode("utf-8") for part in path.split("/")]
    except UnicodeEncodeError:
        return "a name that is no UTF-8"
    here = _existing(root)
    longest = _longest_name(here)
    size = max(map(len, encoded))
    if size > longest:
        return f"a name of {size} bytes, where the file system takes {longest}"
    target = root / path
    if len(os.fsencode(target)) > LONGEST_PATH:
        return f"a path of more than {LONGEST_PATH} bytes"
    if confined and not is_inside(root, target.parent):
        return LEADS_OUT
    if target.is_dir() or (os.path.lexists(target) and not target.is_symlink() and not target.is_file()):
        return f"{kind_of(target.stat().st_mode)} of that name lies there"
    parent = _existing(target.parent)
    if not stat.S_ISDIR(parent.stat().st_mode):
        return f"{parent} is a file, not a folder"
    if not os.access(parent, os.W_OK | os.X_OK):
        return f"no permission to write in {parent}"
    return None


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    while not path.exists():
        if path.parent == path:
            return path
        path = path.parent
    return path


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return LONGEST_NAME


def path_of(text: str) -> Path:
    """A path as people write it, `~` expanded. Raises SettingsError for one that no file can have."""
    if "\0" in text:
        raise SettingsError(repr(text), "has a character that no path may have", "Correct the path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # `~nobody`
        raise SettingsError(text, "begins with the home folder of nobody", "Write the path whole") from error
