"""Which of our errors fail a task at once, and which Airflow retries: one table for all operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_savemasks.engine.errors import (
    AccessError,
    BadItemsError,
    GateError,
    NotFound,
    ProjectError,
    SaveMasksError,
    SettingsError,
    Stopped,
)
from airflow_savemasks.engine.log import log

# A retry meets the same layer, the same rights and the same project. Whatever is not here (a storage that broke, a
# file that changed, an archive that lacks a part, a stop, an error of somebody else) is retried as the DAG says.
AT_ONCE: tuple[type[SaveMasksError], ...] = (SettingsError, AccessError, ProjectError)


@contextmanager
def outcome(retry_bad_items: Any = False, *also: type[SaveMasksError]) -> Iterator[None]:
    """Goes around the whole of an operator's work.

    retry_bad_items: the option as it was given; also: further errors that fail at once. Raises AirflowFailException
    for errors that fail at once: its first line is the fact, its second one the fix. Raises SystemExit for a stop,
    which Airflow tells in one line, and retries. Lets all others through, without what they came from. Where an error
    came from is in the log at DEBUG.
    """
    from airflow.sdk.exceptions import AirflowFailException

    try:
        yield
    except Stopped as error:
        raise SystemExit(f"Stopped. {error.fix}") from None
    except (BadItemsError, GateError) as error:  # a retry meets the same items
        from airflow_savemasks.engine.settings.options import Options

        if Options(retry_bad_items=retry_bad_items).retry_bad_items:
            raise
        raise AirflowFailException(error.told()) from None
    except (*AT_ONCE, *also) as error:
        log.debug("where it came from", exc_info=True)
        raise AirflowFailException(error.told()) from None
    except SaveMasksError as error:
        log.debug("where it came from", exc_info=True)
        raise error.with_traceback(None) from None


@contextmanager
def opening() -> Iterator[None]:
    """Goes around opening and reading what a job needs: what is not there then is not there at a retry either."""
    try:
        yield
    except NotFound as error:
        raise ProjectError(error.where, error.problem, error.fix) from error
