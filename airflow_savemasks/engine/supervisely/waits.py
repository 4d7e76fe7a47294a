"""What the log tells of calls to an instance: each wait, and nothing of each request."""

from __future__ import annotations

import logging

from airflow_savemasks.engine.log import log


def tell_wait(where: str, error: BaseException | None, number: int, attempts: int, pause: float) -> None:
    """A line for each wait before another attempt. number: of the one that failed; pause: in seconds."""
    log.warning("%s: %s; attempt %d of %d, next one in %.1f s", where, error, number, attempts, pause)


def quieten() -> None:
    """httpx tells each request at INFO, which floods a task's log: only where somebody asks for it."""
    for name in ("httpx", "httpcore"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
