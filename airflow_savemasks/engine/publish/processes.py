"""Who a process is, so that another one on the same machine can tell that it is gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from airflow_savemasks.engine.storage.folder import boot

ENDED = frozenset(("Z", "X"))  # states of a process that runs no more and was not waited for yet


class Process(BaseModel):
    """A process. boot, space: the machine's start, and among whose ids its id is; began: when it did, in ticks.

    Each is "" where the system does not tell.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    host: Annotated[str, Field(max_length=255)]
    pid: int
    boot: str
    space: str
    began: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_gone(self) -> bool:
        """Whether it ran here and runs no more. False where that cannot be told."""
        own = this_process()
        if not self.boot or not self.space or not self.began:
            return False
        if (self.host, self.boot, self.space) != (own.host, own.boot, own.space):
            return False
        state, began = _look(self.pid)
        return state in ENDED or began != self.began


def this_process() -> Process:
    """The process that calls."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    pid = os.getpid()
    return Process(host=socket.gethostname()[:255], pid=pid, boot=boot(), space=space, began=_look(pid)[1])


def _look(pid: int) -> tuple[str, str]:
    """State and beginning of a process; both "" where there is none, or the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
