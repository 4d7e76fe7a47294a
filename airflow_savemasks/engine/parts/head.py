"""What an archive, and each of its volumes, begins with: meta.json, and the class maps where they are wanted."""

from __future__ import annotations

import orjson

from airflow_savemasks.engine.archive import naming, tar
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.masks.class_maps import class_maps


def head_files(job: Job) -> list[tuple[str, bytes]]:
    """Name and content of each file, in their order."""
    meta = orjson.dumps(job.meta.to_json(), option=orjson.OPT_INDENT_2) + b"\n"
    return [(naming.META, meta), *(class_maps(job.meta, job.colors) if job.options.class_maps else ())]


def head_of(job: Job) -> bytes:
    """The files as members of a tar."""
    return b"".join(tar.whole_member(name, content) for name, content in head_files(job))
