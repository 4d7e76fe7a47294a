"""Which of our errors fail a task at once, and which Airflow retries: one table for all operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_savemasks.engine.errors import AccessError, BadItemsError, ProjectError, SaveMasksError, SettingsError

# A retry meets the same layer, the same rights and the same project. Whatever is not here (a storage that broke, a
# file that changed, an archive that lacks a part, a stop, an error of somebody else) is retried as the DAG says.
AT_ONCE: tuple[type[SaveMasksError], ...] = (SettingsError, AccessError, ProjectError)


@contextmanager
def outcome(retry_bad_items: Any = False, *also: type[SaveMasksError]) -> Iterator[None]:
    """Goes around the whole of an operator's work.

    retry_bad_items: the option as it was given; also: further errors that fail at once. Raises AirflowFailException
    with the error's own text for errors that fail at once; lets all others through.
    """
    from airflow.sdk.exceptions import AirflowFailException

    try:
        yield
    except BadItemsError as error:
        from airflow_savemasks.engine.settings.options import Options

        if Options(retry_bad_items=retry_bad_items).retry_bad_items:
            raise
        raise AirflowFailException(str(error)) from None
    except (*AT_ONCE, *also) as error:
        raise AirflowFailException(str(error)) from None
