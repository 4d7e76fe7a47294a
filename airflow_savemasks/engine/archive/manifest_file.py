"""A manifest as it is read back: the models that its content is checked with. What they check may be used as it is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_savemasks.engine.archive.index import Count


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class File(_Read):
    """A file beside or of the archive, as it was when the manifest was written. sha256: of all but volumes."""

    file: str = ""
    size: Count
    identity: str = ""
    sha256: str = ""


class Head(File):
    """What each volume begins with. files: its members, where there are others besides meta.json."""

    files: list[File] = []


class _Plan(_Read):
    digest: str
    volume_size: Count | None


class _Totals(_Read):
    items: Count
    labels: Count
    bytes: Count


class _Class(_Read):
    name: str
    items: Count
    pixels: Count


class _Skipped(_Read):
    item: str
    reason: str
    unread: bool


class _Settings(_Read):
    options: dict[str, Any] = {}


class ManifestFile(_Read):
    """A manifest as far as it is read back. What it says is checked, not trusted."""

    format: int
    name: str
    volumes: Annotated[list[File], Field(min_length=1)]
    index: File
    head: Head
    tail: list[File] = []
    root_files: list[File] = []
    classes: list[_Class]
    plan: _Plan
    totals: _Totals
    settings: _Settings
    splits: dict[str, Count] = {}
    skipped: list[_Skipped]
