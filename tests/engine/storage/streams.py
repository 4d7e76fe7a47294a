"""What the tests of streams share."""

from __future__ import annotations

import bz2
import gzip
import tarfile
import zipfile
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.storage.opening import open_source_storage
from airflow_savemasks.engine.storage.uris import without_secrets


def packed(project: Path, ending: str) -> Path:
    """The project as one file."""
    file = project.parent / f"x.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
            for path in sorted(project.rglob("*")):
                into.write(path, path.relative_to(project.parent))
        return file
    plain = project.parent / "plain.tar"
    with tarfile.open(plain, "w") as tar:
        tar.add(project, "project")
    pack = {"tar": bytes, "tar.gz": lambda data: gzip.compress(data, mtime=0), "tbz2": bz2.compress}[ending]
    file.write_bytes(pack(plain.read_bytes()))
    return file


def refused(uri: str, kind: type[SaveMasksError], match: str, **limits: int) -> SaveMasksError:
    """What opening and listing raises: exactly one error of that kind, that names the URI without its secrets."""
    with pytest.raises(SaveMasksError, match=match) as caught:
        open_source_storage(uri, limits=Limits(**limits)).listdir("")
    assert type(caught.value) is kind
    assert caught.value.where == without_secrets(uri)
    assert caught.value.problem
    assert caught.value.fix
    return caught.value
