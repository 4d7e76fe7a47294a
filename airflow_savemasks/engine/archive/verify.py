"""Re-reads a published archive and names each file in it that is not what was written.

The manifest vouches for itself, for the index and for every part; the index has a checksum for each file. So one pass
over archive and index, in their order, finds any byte that is another, and each byte is read once.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import orjson
from isal import isal_zlib

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.naming import manifest_path
from airflow_savemasks.engine.archive.published import Placed, Published, parse_manifest
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.base import ReadableStorage

EXPORT_AGAIN = "Export it again with reuse=False"
SHOWN = 100  # differences spelled out


def verify(team_files: ReadableStorage, name: str) -> dict[str, Any]:
    """Check every byte of an archive, its index and its manifest.

    name: of the archive, without `.tar`; it may have been renamed or copied together with the two other files. Returns
    {"archive", "items", "bytes"}. Raises ArchiveError that lists what differs, or says that there is no manifest (an
    export that did not end).
    """
    where = team_files.locate(manifest_path(name))
    if team_files.stat(manifest_path(name)) is None:
        there = team_files.stat(f"{name}.tar") is not None
        problem = "no manifest, so the export did not end" if there else "no such archive"
        raise ArchiveError(where, problem, "Run the export again" if there else "Correct the name")
    try:
        published = parse_manifest(team_files.read(manifest_path(name)), name)
    except ValueError as error:
        raise ArchiveError(where, f"the manifest cannot be trusted: {error}", EXPORT_AGAIN) from error
    found: list[str] = []
    count = 0
    for line in _differences(team_files, published):
        count += 1
        if count <= SHOWN:
            found.append(f"  {line}")
    if count:
        shown = "\n".join(found)
        raise ArchiveError(team_files.locate(name), f"{count} differences:\n{shown}\n", EXPORT_AGAIN)
    return {
        "archive": team_files.locate(next(iter(published.volumes))),
        "items": published.items,
        "bytes": published.bytes,
    }


def _differences(team_files: ReadableStorage, published: Published) -> Iterator[str]:
    wrong = list(_wrong_sizes(team_files, published))
    if wrong:
        yield from wrong
        return
    index = Reader(team_files, published.index.file, published.index.size)
    for file, (size, _) in published.volumes.items():
        volume = Reader(team_files, file, size)
        if _digest(volume.take(published.head.size)) != published.head.sha256:
            yield f"{file}: meta.json differs"
        for part in published.parts:
            if part.volume == file:
                yield from _check_part(volume, index, part)
        if any(any(chunk) for chunk in volume.take(len(tar.END))):
            yield f"{file}: the end of the archive is damaged"
    if index.sha256.hexdigest() != published.index.sha256:
        yield f"{published.index.file}: differs"


def _wrong_sizes(team_files: ReadableStorage, published: Published) -> Iterator[str]:
    """Files that are missing, or whose parts do not fill them: then nothing else can be said of them."""
    sizes = {file: size for file, (size, _) in published.volumes.items()}
    for file, size in {**sizes, published.index.file: published.index.size}.items():
        entry = team_files.stat(file)
        if entry is None or entry.size != size:
            yield f"{file}: {'missing' if entry is None else f'{entry.size} bytes'}, expected {size} bytes"
    ends = dict.fromkeys(sizes, published.head.size)
    at = 0
    for part in published.parts:
        if part.offset != ends[part.volume] or part.index_offset != at:
            yield f"{part.volume}: the manifest leaves a gap before byte {part.offset}"
        ends[part.volume] = part.offset + part.summary.size
        at = part.index_offset + part.index_size
    for file, end in ends.items():
        if end + len(tar.END) != sizes[file]:
            yield f"{file}: its parts end at byte {end} of {sizes[file]}"
    if at != published.index.size:
        yield f"{published.index.file}: its parts end at byte {at} of {published.index.size}"


def _check_part(volume: Reader, index: Reader, part: Placed) -> Iterator[str]:
    """One part, and its lines of the index."""
    start = part.offset
    members, damage = _members(b"".join(index.take(part.index_size)))
    if damage:
        yield f"{index.file}: {damage} between bytes {part.index_offset} and {part.index_offset + part.index_size}"
    running = sha256()
    at = 0
    wrong = []
    for name, offset, size, crc in members:
        if offset < at or offset + size > part.summary.size:
            continue  # the index is damaged, which its own checksum tells
        for chunk in volume.take(offset - at):
            running.update(chunk)
        found = 0
        for chunk in volume.take(size):
            running.update(chunk)
            found = isal_zlib.crc32(chunk, found)
        if found != crc:
            wrong.append(f"{volume.file}: {name} differs")
        at = offset + size
    for chunk in volume.take(part.summary.size - at):
        running.update(chunk)
    if running.hexdigest() == part.summary.sha256:
        if wrong:
            yield f"{index.file}: differs between bytes {part.index_offset} and {part.index_offset + part.index_size}"
    else:
        end = start + part.summary.size
        yield from wrong or [f"{volume.file}: a tar header differs between bytes {start} and {end}"]


def _members(lines: bytes) -> tuple[list[tuple[str, int, int, int]], str]:
    """(name, offset, size, CRC-32) of the files in a part by its lines of the index, and what is damaged there."""
    found: list[tuple[str, int, int, int]] = []
    for line in lines.splitlines():
        try:
            members = orjson.loads(line)["members"]
            found += [(str(one["name"]), int(one["offset"]), int(one["size"]), int(one["crc32"])) for one in members]
        except (ValueError, KeyError, TypeError):
            return found, "a line is damaged"
    return found, ""


def _digest(chunks: Iterator[bytes]) -> str:
    running = sha256()
    for chunk in chunks:
        running.update(chunk)
    return running.hexdigest()


class Reader:
    """A file from its first byte to its last, taken in pieces as they are asked for."""

    def __init__(self, team_files: ReadableStorage, file: str, size: int) -> None:
        self.file = file
        self.sha256 = sha256()
        self._chunks = team_files.stream(file, 0, size) if size else iter(())
        self._held = memoryview(b"")

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, in pieces."""
        while size > 0:
            if not self._held:
                chunk = next(self._chunks)
                self.sha256.update(chunk)
                self._held = memoryview(chunk)
            piece = self._held[:size]
            self._held = self._held[len(piece) :]
            size -= len(piece)
            yield bytes(piece)
