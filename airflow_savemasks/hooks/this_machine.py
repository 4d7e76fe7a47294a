"""Folders of this machine, and whether all tasks run on it, so that one can stand in for a storage nobody named."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOCAL = frozenset({"LocalExecutor", "SequentialExecutor", "DebugExecutor"})
PACKAGE = "airflow.executors."


def home_folder(*names: str) -> str:
    """A folder below AIRFLOW_HOME."""
    return str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser().joinpath(*names))


def folder_at(root: str) -> Path:
    """The folder that a plain path or a file:// URI means, as the engine's FolderStorage reads it."""
    path = unquote(urlsplit(root).path) if root.lower().startswith("file://") else root
    return Path(path).expanduser().absolute()


def configured_executors() -> str:
    """[core] executor, as it is written."""
    from airflow.sdk.configuration import conf

    return str(conf.get("core", "executor", fallback=""))


def runs_here(configured: str, own: str | None = None) -> bool:
    """Whether a task certainly runs on the machine of its scheduler.

    configured: [core] executor: names, paths or `alias:path`, several with commas, those of teams as `;team=...`.
    own: the executor that the task asks for by alias, name or path; without it all of them have to be local. What is
    not known is not local.
    """
    executors = []
    for team in configured.split(";"):
        names = team.rpartition("=")[2]
        executors += [name.strip() for name in names.split(",") if name.strip()]
    if own:
        executors = [name for name in executors if own in _names(name)]
    return bool(executors) and all(_is_local(name.rpartition(":")[2].strip()) for name in executors)


def _names(executor: str) -> tuple[str, ...]:
    """How a task may name `alias:path`: by the alias, the path, or its class."""
    alias, _, path = executor.rpartition(":")
    return (alias.strip() or path, path.strip(), path.rpartition(".")[2].strip())


def _is_local(path: str) -> bool:
    """LocalExecutor and its like, by name or as the class of that name in Airflow itself."""
    package, dot, name = path.rpartition(".")
    return name in LOCAL and (not dot or f"{package}.".startswith(PACKAGE))
