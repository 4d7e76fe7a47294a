"""Pictures that `pick` leaves out after a look at their annotations: remembered in receipts, so that they are looked at
once only.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from pydantic import TypeAdapter

from airflow_savemasks.engine.archive.index import Key, Origin
from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.job import Job

LEFT_OUT = b'{"left_out":'  # how the line of such a picture begins


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that is no item of the archive. key: of the item that it would be, whose digest has the pick in it."""

    key: Key
    source: Origin


_LINE = TypeAdapter(LeftOut)


def left_out_line(left_out: LeftOut) -> bytes:
    """The line of a receipt."""
    return b'{"left_out":%s}\n' % orjson.dumps(left_out)


def parse_left_out(line: bytes) -> LeftOut:
    """Raises ValueError."""
    return _LINE.validate_python(orjson.loads(line)["left_out"])


def nothing_picked(job: Job, left_out: int) -> ProjectError:
    """The error of an export of which `pick` leaves nothing."""
    where = ", ".join(entry.source.uri for entry in job.inputs)
    return ProjectError(where, f"pick leaves out all {left_out} pictures", "Ask for less in pick")
