"""What the Test button says of a storage: what is there, and what may be done. Nothing is made, not for a moment."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_savemasks.engine.errors import NotFound, SaveMasksError, StorageError
from airflow_savemasks.hooks.this_machine import folder_at

if TYPE_CHECKING:
    from airflow_savemasks.engine.storage.base import Storage

SECONDS = 9.0  # until no answer is an answer: whoever has pressed the button waits
WRITING = {  # as `Storage.may_write` has it; only a write could tell whether a server obeys its condition
    True: "write: yes; write on a condition: the first export tells",
    False: "write: no",
    None: "write, also on a condition: the first export tells",
}
Told = tuple[bool, str]  # whether it works, and what to say


def within(work: Callable[[], Told], seconds: float = SECONDS) -> Told:
    """What `work` says, or that there was no answer in time. Our errors become their own texts.

    What is late goes on in a thread that nobody waits for, and ends by its own timeouts.
    """
    found: list[Told] = []

    def run() -> None:
        try:
            found.append(work())
        except SaveMasksError as error:
            found.append((False, error.told()))
        except Exception as error:  # noqa: BLE001 - of whatever client: the button shows it
            found.append((False, f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=run, name="savemasks-test", daemon=True)
    thread.start()
    thread.join(seconds)
    return found[0] if found else (False, f"no answer within {seconds:.0f} s\nLook at the address and the network")


def of_folder(root: str) -> str | None:
    """Why a path or file:// URI is no folder that can be looked into."""
    path = folder_at(root)
    if not path.exists():
        return f"{path} does not exist on this machine\nMake the folder, or correct the root"
    if not path.is_dir():
        return f"{path} is no folder\nWrite the folder that it lies in"
    return None if os.access(path, os.R_OK | os.X_OK) else f"{path} cannot be read\nGive Airflow's user the right to"


def of_storage(storage: Storage, *, local: bool, is_file: Callable[[], bool]) -> Told:
    """Look into a storage's root. local: it is a folder of this machine; is_file: whether the root is itself a file."""
    found = storage.listdir("")
    if not found.files and not found.folders and is_file():
        return False, f"{storage.uri} is no folder, but a file\nWrite the folder that it lies in"
    name = next((name for name, entry in found.files.items() if entry.size), None)
    reading = "not known, as there is no file" if name is None else _reading(storage, name)
    if local:
        writable = os.access(storage.uri, os.W_OK | os.X_OK)
        writing = "write: yes; write on a condition: yes" if writable else "write: no"
    else:
        writing = WRITING[storage.may_write()]
    counts = f"{len(found.folders)} folders, {len(found.files)} files"
    return True, f"{storage.uri}: list: yes ({counts}); read: {reading}; {writing}"


def _reading(storage: Storage, name: str) -> str:
    """What reading the first byte of a file tells."""
    try:
        read = sum(map(len, storage.stream(name, 0, 1)))
    except NotFound:
        return "not known, as the first file went away"
    except StorageError as error:
        return f"no ({error.problem})"
    return "yes, by ranges" if read == 1 and not storage.keeps_parts else "yes, whole files only"
