"""Sources of a connection with `only_below_root`: who may name a project must not thereby read the whole machine."""

from __future__ import annotations

import re
from urllib.parse import unquote

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.storage.uris import scheme_of, without_secrets
from airflow_savemasks.hooks.this_machine import folder_at

UNSEEN = re.compile(r"[\x00-\x1f\x7f\\]")


def path_below(root: str, source: str, conn_id: str) -> str:
    """The path below a root that a source means: `lemons`, or the root's own URI with `/lemons` behind it.

    Raises SettingsError for anything that is or could become something else: another place, another scheme, `..`.
    """
    where = f"source {without_secrets(source)!r}"
    fix = f"Name a project below the root of the connection {conn_id!r}, such as 'lemons'"
    start = root.rstrip("/") + "/"
    path = source.removeprefix(start)
    whole = path != source
    if not whole and ("://" in source or source.startswith(("/", "~")) or source.lower().startswith("file:")):
        raise SettingsError(where, "is not below the only root that this connection allows", fix)
    if whole and source.lower().startswith("file://"):
        path = _decoded(path, where, fix)
    path = path.removesuffix("/")
    if UNSEEN.search(path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise SettingsError(where, "is no plain path: it has '..', '.', an empty part or a hidden character", fix)
    return path


def check_packed(root: str, path: str, conn_id: str) -> None:
    """Raises SettingsError where a packed source in a folder is a link out of that folder.

    What lies in a tar or zip cannot lead out of it, but the file itself can be a link.
    """
    if scheme_of(root) != "file":
        return
    folder = folder_at(root)
    if not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            f"source {path!r}",
            "is a link that leads out of the root",
            f"Put the file itself below the root of the connection {conn_id!r}",
        )


def _decoded(path: str, where: str, fix: str) -> str:
    """A path of a file:// URI with its %20 as blanks; what would become another path is refused."""
    if "?" in path or "#" in path:
        raise SettingsError(where, "has a query or a fragment, which a file does not", fix)
    decoded = unquote(path)
    if decoded.count("/") != path.count("/") or "%" in decoded:
        raise SettingsError(where, "hides characters of a path behind %", fix)
    return decoded
