"""A published archive as its manifest tells of it, read back and checked: nothing in it is trusted.

A manifest vouches for itself (its last field is its own SHA-256), for the index (SHA-256) and for every part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from airflow_savemasks.engine.archive.naming import VOLUME_DIGITS, index_path, manifest_path, volume_names
from airflow_savemasks.engine.archive.summary import Count, Summary
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import ReadableStorage

FORMAT = 2
NO_SUM = "0" * 64
FIELD = b'\n  "sha256": "%s"\n}\n'
SUM = re.compile(rb'\n  "sha256": "([0-9a-f]{64})"\n\}\n\Z')


@dataclass(frozen=True, slots=True)
class Placed:
    """A part in a published archive: `summary.size` bytes at `offset` of the tar `volume`; its lines of the index."""

    summary: Summary
    volume: str
    offset: Count
    index_offset: Count
    index_size: Count

    def to_json(self) -> dict[str, Any]:
        place = {"volume": self.volume, "offset": self.offset}
        return self.summary.to_json() | place | {"index_offset": self.index_offset, "index_size": self.index_size}


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class File(_Read):
    """A file beside or of the archive, as it was when the manifest was written. sha256: of the index and the head."""

    file: str = ""
    size: Count
    identity: str = ""
    sha256: str = ""


class _Plan(_Read):
    window: Count


class _Totals(_Read):
    items: Count
    bytes: Count


class ManifestFile(_Read):
    """A manifest as far as it is read back. What it says is checked, not trusted."""

    format: int
    name: str
    volumes: Annotated[list[File], Field(min_length=1)]
    index: File
    head: File
    plan: _Plan
    totals: _Totals
    parts: list[dict[str, Any]]


PLACED_SUMMARY = TypeAdapter(Summary)
PLACED = TypeAdapter(Placed)


@dataclass(frozen=True, slots=True)
class Published:
    """An archive that lies in Team Files under `name`: its manifest's content, as far as the engine needs it."""

    name: str
    volumes: dict[str, tuple[int, str]]  # file -> size, identity
    index: File
    head: File
    window: int
    items: int
    bytes: int
    parts: tuple[Placed, ...]


def seal(raw: dict[str, Any]) -> bytes:
    """A manifest as its file: JSON whose last field is the SHA-256 of the file with zeros in that field's place."""
    blank = orjson.dumps({**raw, "sha256": NO_SUM}, option=orjson.OPT_INDENT_2) + b"\n"
    return blank.replace(FIELD % NO_SUM.encode(), FIELD % sha256(blank).hexdigest().encode())


def is_sealed(content: bytes) -> bool:
    """Whether every byte of a manifest is as it was written."""
    found = SUM.search(content)
    if found is None:
        return False
    blank = content[: found.start(1)] + NO_SUM.encode() + content[found.end(1) :]
    return sha256(blank).hexdigest().encode() == found[1]


def parse_manifest(content: bytes, name: str) -> Published:
    """A manifest's content for the archive that lies under `name`, which may have been renamed or copied since.

    Raises ValueError that says what is wrong: damage, another format, places that cannot be.
    """
    if not is_sealed(content):
        raise ValueError("it is damaged, or of a version before 0.1: its SHA-256 is not that of its content")
    raw = ManifestFile.model_validate(orjson.loads(content))
    if raw.format != FORMAT:
        raise ValueError(f"it has the format {raw.format}, and {FORMAT} is read here")
    files = dict(zip(volume_names(raw.name, len(raw.volumes)), volume_names(name, len(raw.volumes)), strict=True))
    if [volume.file for volume in raw.volumes] != list(files) or raw.index.file != index_path(raw.name):
        raise ValueError("it names files that are not those of its archive")
    parts = []
    for part in raw.parts:
        place = {key: part.pop(key, None) for key in ("volume", "offset", "index_offset", "index_size")}
        if place["volume"] not in files:
            raise ValueError("it names files that are not those of its archive")
        place["volume"] = files[place["volume"]]
        parts.append(PLACED.validate_python({"summary": PLACED_SUMMARY.validate_python(part), **place}))
    return Published(
        name=name,
        volumes={files[volume.file]: (volume.size, volume.identity) for volume in raw.volumes},
        index=raw.index.model_copy(update={"file": index_path(name)}),
        head=raw.head,
        window=raw.plan.window,
        items=raw.totals.items,
        bytes=raw.totals.bytes,
        parts=tuple(parts),
    )


def archive_of(team_files: ReadableStorage, file: str) -> str:
    """The name of the archive that a file is, or is a volume of: `a/x`, `a/x.tar` and `a/x-00002.tar` -> `a/x`.

    An archive that is itself called so (`x-00002` has a manifest) is that one.
    """
    name = file.removesuffix(".tar")
    whole, _, number = name.rpartition("-")
    is_number = len(number) == VOLUME_DIGITS and number.isascii() and number.isdecimal()
    if is_number and whole and not whole.endswith("/") and team_files.stat(manifest_path(name)) is None:
        return whole
    return name


def read_manifest(team_files: ReadableStorage, name: str) -> Published | None:
    """The manifest of an archive, or None: there is none, or one that is damaged, which is said in the log.

    Nothing of a damaged one is used: its archive is rendered anew and replaced.
    """
    if team_files.stat(manifest_path(name)) is None:
        return None
    try:
        return parse_manifest(team_files.read(manifest_path(name)), name)
    except ValueError as error:
        log.warning("%s: not used, everything is rendered: %s", team_files.locate(manifest_path(name)), error)
        return None


def is_current(team_files: ReadableStorage, published: Published) -> bool:
    """Whether the files beside the manifest are still those that it was written for."""
    wanted = {**published.volumes, published.index.file: (published.index.size, published.index.identity)}
    found = {file: team_files.stat(file) for file in wanted}
    return all(entry is not None and (entry.size, entry.identity) == wanted[file] for file, entry in found.items())
