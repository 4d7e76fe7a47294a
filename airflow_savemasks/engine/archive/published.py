"""A published archive as its manifest tells of it, read back and checked: nothing in it is trusted.

A manifest vouches for itself (its last field is its own SHA-256) and for the index (SHA-256), which vouches for every
file of every item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

import orjson

from airflow_savemasks.engine.archive.index import KnownItem, read_line
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.manifest_file import File, Head, ManifestFile
from airflow_savemasks.engine.archive.naming import VOLUME_DIGITS, index_path, is_root_file, manifest_path, volume_names
from airflow_savemasks.engine.errors import ArchiveError, Changed, NotFound
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.storage.base import Entry, ReadableStorage
from airflow_savemasks.engine.storage.in_flight import at_once

FORMAT = 3
LOOKS = 5  # at a manifest that is replaced while it is read
NO_SUM = "0" * 64
FIELD = b'\n  "sha256": "%s"\n}\n'
SUM = re.compile(rb'\n  "sha256": "([0-9a-f]{64})"\n\}\n\Z')


@dataclass(frozen=True, slots=True)
class Published:
    """An archive that lies in Team Files under `name`: its manifest's content, as far as the engine needs it.

    tail: members that the last volume ends with; root_files: what a layout without such members has beside the archive.
    """

    name: str
    volumes: dict[str, tuple[int, str]]  # file -> size, identity
    index: File
    head: Head
    plan: str  # its digest
    volume_size: int | None
    items: int
    bytes: int
    skipped: int
    unread: bool
    raw: dict[str, Any] = field(repr=False)  # the whole manifest, for results
    tail: tuple[File, ...] = ()
    root_files: tuple[File, ...] = ()

    @property
    def files(self) -> list[str]:
        """All of them but the manifest."""
        return [*self.volumes, self.index.file, *(file.file for file in self.root_files)]


@dataclass(frozen=True, slots=True)
class Known:
    """The manifest of an archive as it was looked at.

    file: None if there is none; published: what it says, None where it cannot be used; current: whether the archive's
    files are those that it was written for.
    """

    file: Entry | None
    published: Published | None
    current: bool

    @property
    def usable(self) -> Published | None:
        return self.published if self.current else None


def seal(raw: dict[str, Any]) -> bytes:
    """A manifest as its file: JSON whose last field is the SHA-256 of the file with zeros in that field's place."""
    blank = orjson.dumps({**raw, "sha256": NO_SUM}, option=orjson.OPT_INDENT_2) + b"\n"
    return blank.replace(FIELD % NO_SUM.encode(), FIELD % sha256(blank).hexdigest().encode())


def manifest_digest(raw: dict[str, Any]) -> str:
    """SHA-256 of the bytes of a manifest's file. raw: its content, with or without its last field."""
    return sha256(seal(raw)).hexdigest()


def is_sealed(content: bytes) -> bool:
    """Whether every byte of a manifest is as it was written."""
    found = SUM.search(content)
    if found is None:
        return False
    blank = content[: found.start(1)] + NO_SUM.encode() + content[found.end(1) :]
    return sha256(blank).hexdigest().encode() == found[1]


def parse_manifest(content: bytes, name: str) -> Published:
    """A manifest's content for the archive that lies under `name`, which may have been renamed or copied since.

    Raises ValueError that says what is wrong: damage, another format, files that are not its own.
    """
    if not is_sealed(content):
        raise ValueError("it is damaged, or of a version before 0.1: its SHA-256 is not that of its content")
    loaded = orjson.loads(content)
    if isinstance(loaded, dict) and isinstance(loaded.get("format"), int) and loaded["format"] != FORMAT:
        raise ValueError(f"it is of another version: it has the format {loaded['format']}, and {FORMAT} is read here")
    raw = ManifestFile.model_validate(loaded)
    files = dict(zip(volume_names(raw.name, len(raw.volumes)), volume_names(name, len(raw.volumes)), strict=True))
    if [volume.file for volume in raw.volumes] != list(files) or raw.index.file != index_path(raw.name):
        raise ValueError("it names files that are not those of its archive")
    if not all(is_root_file(raw.name, file.file) for file in raw.root_files):
        raise ValueError("it names files beside its archive that are none of it")
    return Published(
        name=name,
        volumes={files[volume.file]: (volume.size, volume.identity) for volume in raw.volumes},
        index=raw.index.model_copy(update={"file": index_path(name)}),
        head=raw.head,
        plan=raw.plan.digest,
        volume_size=raw.plan.volume_size,
        items=raw.totals.items,
        bytes=raw.totals.bytes,
        skipped=len(raw.skipped),
        unread=any(one.unread for one in raw.skipped),
        raw=loaded,
        tail=tuple(raw.tail),
        root_files=tuple(
            file.model_copy(update={"file": f"{name}{file.file.removeprefix(raw.name)}"}) for file in raw.root_files
        ),
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


def no_archive(team_files: ReadableStorage, name: str) -> ArchiveError:
    """The error for a name that has no manifest: there is no such archive, or its export did not come to the end."""
    where = team_files.locate(f"{name}.tar")
    if team_files.stat(f"{name}.tar") is None:
        return ArchiveError(where, "no such archive", "Correct the name")
    return ArchiveError(where, "no manifest, so the export did not end", "Run the export again")


def look_at(team_files: ReadableStorage, name: str) -> Known:
    """The manifest of an archive, and whether the archive is the one that it was written for."""
    entry, published = _read(team_files, name)
    return Known(entry, published, current=published is not None and is_current(team_files, published))


def read_manifest(team_files: ReadableStorage, name: str) -> Published | None:
    """The manifest of an archive, or None: there is none, or one that is damaged, which is said in the log."""
    return _read(team_files, name)[1]


def _read(team_files: ReadableStorage, name: str) -> tuple[Entry | None, Published | None]:
    """A manifest's file and what it says. Nothing of a damaged one is used: its archive is rendered anew and replaced.

    What is read is what was looked at: where somebody replaces it in between, it is looked at again.
    """
    path = manifest_path(name)
    for left in range(LOOKS, 0, -1):
        entry = team_files.stat(path)
        if entry is None:
            return None, None
        try:
            return entry, parse_manifest(team_files.read(path, entry), name)
        except (NotFound, Changed):
            if left == 1:
                raise
        except ValueError as error:
            log.warning("%s: not used, everything is rendered: %s", team_files.locate(path), error)
            return entry, None
    return None, None


def items_of(team_files: ReadableStorage, published: Published) -> Iterator[KnownItem]:
    """The items of an archive in its order, a line of its index in memory at a time.

    Raises ArchiveError where the index is damaged, and Changed where it is another one by now.
    """
    index = published.index
    lines = read_lines(team_files, index.file, index.size, Entry(index.size, index.identity, 0.0))
    try:
        yield from map(read_line, lines)
    except ValueError as error:
        where = team_files.locate(index.file)
        raise ArchiveError(where, f"is damaged ({error})", "Export it again with reuse=False") from error


def as_copied(team_files: ReadableStorage, published: Published) -> Published | None:
    """An archive whose files were copied or moved since its manifest was written, as far as their sizes tell.

    With the identities that they have now; None where one is gone or has another size. What is in them is not looked
    at: whoever reads such an archive compares each file with its SHA-256.
    """
    beside = [published.index, *published.root_files]
    sizes = {file: size for file, (size, _) in published.volumes.items()} | {file.file: file.size for file in beside}
    entries = dict(
        zip(sizes, at_once(team_files.remote, *(partial(team_files.stat, file) for file in sizes)), strict=True)
    )
    if any(entry is None or entry.size != sizes[file] for file, entry in entries.items()):
        return None
    index, *root_files = (file.model_copy(update={"identity": entries[file.file].identity}) for file in beside)
    volumes = {file: (size, entries[file].identity) for file, (size, _) in published.volumes.items()}
    return replace(published, volumes=volumes, index=index, root_files=tuple(root_files))


def is_current(team_files: ReadableStorage, published: Published) -> bool:
    """Whether the files beside the manifest are still those that it was written for."""
    beside = {file.file: (file.size, file.identity) for file in (published.index, *published.root_files)}
    wanted = {**published.volumes, **beside}
    found = at_once(team_files.remote, *(partial(team_files.stat, file) for file in wanted))
    return [entry and (entry.size, entry.identity) for entry in found] == list(wanted.values())
