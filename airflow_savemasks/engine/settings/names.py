"""What may be a name in a layer: of the archive, of sources, of classes and tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.base import WORK_FOLDER


def archive_name(where: str, names: Sequence[str]) -> str:
    """The archive's name: any text that is a path below Team Files. Whether a storage holds it is asked there."""
    name = names[0].strip() if names else ""
    if not name:
        raise SettingsError(where, "no name for the archive", 'Write one, such as "My Project"')
    parts = name.split("/")
    shown = name.encode("utf-8", "backslashreplace").decode()
    fix = "Use text without control characters; between slashes any name but . and .."
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        raise SettingsError(where, f"{shown!r} has a character that no name may have", fix)
    if any(part in {"", ".", ".."} for part in parts) or parts[0] == WORK_FOLDER:
        raise SettingsError(where, f"{shown!r} cannot name an archive", fix)
    return name


def check_whole(where: str, names: Iterable[str]) -> None:
    """Raises SettingsError for a name that no file and no JSON can have."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            fact = f"{name!r} has half of a surrogate pair, which UTF-8 cannot write"
            raise SettingsError(where, fact, "Write it whole") from None
