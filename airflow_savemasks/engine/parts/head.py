"""What an archive, and each of its volumes, begins with: meta.json, and the class maps where they are wanted.

In a layout without such members they lie beside the archive.
"""

from __future__ import annotations

import orjson

from airflow_savemasks.engine.archive import naming, tar
from airflow_savemasks.engine.archive.item_names import LAYOUTS
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.masks.class_maps import class_maps
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.redact import redact_meta


def root_files(job: Job) -> list[tuple[str, bytes]]:
    """Name and content of each file, in their order."""
    document = job.meta.to_json()
    if job.options.redact:
        document = redact_meta(document)
    meta = whole_numbers.dumps(document, orjson.OPT_INDENT_2) + b"\n"
    return [(naming.META, meta), *(class_maps(job.meta, job.colors) if job.options.class_maps else ())]


def head_files(job: Job) -> list[tuple[str, bytes]]:
    """Those of them that are members of the archive."""
    return root_files(job) if LAYOUTS[job.options.layout].has_files else []


def head_of(job: Job) -> bytes:
    """These as members of a tar."""
    return b"".join(tar.whole_member(name, content) for name, content in head_files(job))
