"""Whatever goes wrong with one item's data becomes an error that names the item, the fact and the fix."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_savemasks.engine.errors import ItemError, SaveMasksError
from airflow_savemasks.engine.log import log

FIX_PICTURE = "Replace the picture, or remove it from the project"
FIX_UNFORESEEN = (
    "Look at this picture and its annotation; if both are right, report it with the traceback (log level DEBUG)"
)


@contextmanager
def as_bad_item(where: str) -> Iterator[None]:
    """The one place that turns whatever goes wrong with an item's data into an ItemError.

    Errors of ours pass, and so do those of the machine: an OSError or a missing library is no item's fault. Notes that
    an error got on its way (which label it was) become part of the place.
    """
    try:
        yield
    except (SaveMasksError, OSError, ImportError):
        raise
    except Exception as error:
        place = ", ".join([where, *getattr(error, "__notes__", ())])
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
            raise ItemError(place, str(error), getattr(error, "fix", FIX_PICTURE)) from error
        log.debug("%s: %s", place, "".join(traceback.format_exception(error)))
        text = str(getattr(error, "err", None) or error)  # OpenCV's own word, without the place in its source
        fact = f"{type(error).__name__}: {text.strip().partition(chr(10))[0]}".rstrip(": ")
        raise ItemError(place, fact, FIX_UNFORESEEN) from error
