"""Re-reads a published archive and names each file in it that is not what was written.

The manifest vouches for itself and for the index, the index for every file of every item. One pass over both, in their
order, finds any byte that is another; each byte is read once. Where ranges can be read, several are checked at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import IndexLine, parse_line
from airflow_savemasks.engine.archive.lines import read_lines
from airflow_savemasks.engine.archive.naming import manifest_path
from airflow_savemasks.engine.archive.proof import (
    Chunks,
    check_places,
    differences,
    head_differences,
    member_differences,
    size_of_member,
)
from airflow_savemasks.engine.archive.published import Published, no_archive, parse_manifest
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.storage.base import Storage

EXPORT_AGAIN = "Export it again with reuse=False"
SHOWN = 100  # differences spelled out
Tell = Callable[[int, int], object]  # bytes that are checked, of all
GROUP_BYTES, GROUP_ITEMS = 16 << 20, 256  # checked at a time by one thread
READERS = 8  # groups in flight


def verify(team_files: Storage, name: str, item: str | None = None, tell: Tell | None = None) -> dict[str, Any]:
    """Check every byte of an archive, its index and its manifest; or only one item, by its range.

    name: of the archive, without `.tar`; it may have been renamed or copied together with the two other files. item:
    its folder and name in the archive; tell: told how many bytes of how many are checked, now and then. Returns
    {"archive", "items", "bytes"}. Raises ArchiveError that lists what
    differs, or says that there is no manifest (an export that did not end) or no such item.
    """
    published = _read_manifest(team_files, name)
    found: list[str] = []
    count = 0
    every = differences_of(team_files, published, tell) if item is None else _in_item(team_files, published, item)
    for line in every:
        count += 1
        if count <= SHOWN:
            found.append(f"  {line}")
    if count:
        shown = "\n".join(found)
        raise ArchiveError(team_files.locate(name), f"{count} differences:\n{shown}\n", EXPORT_AGAIN)
    return {
        "archive": team_files.locate(next(iter(published.volumes))),
        "items": published.items if item is None else 1,
        "bytes": published.bytes,
    }


def _read_manifest(team_files: Storage, name: str) -> Published:
    where = team_files.locate(manifest_path(name))
    if team_files.stat(manifest_path(name)) is None:
        raise no_archive(team_files, name)
    try:
        return parse_manifest(team_files.read(manifest_path(name)), name)
    except ValueError as error:
        raise ArchiveError(where, f"the manifest cannot be trusted: {error}", EXPORT_AGAIN) from error


def _in_item(team_files: Storage, published: Published, item: str) -> Iterator[str]:
    """What differs in one item, found by its line of the index."""
    for line in read_lines(team_files, published.index.file, published.index.size):
        if b'"item":' + orjson.dumps(item) not in line:
            continue
        try:
            parsed = parse_line(line)
            check_places(parsed)
            file = list(published.volumes)[parsed.volume]
        except (ValueError, IndexError):
            yield f"{published.index.file}: the line of {item} is damaged"
            return
        if parsed.item == item:
            yield from differences(parsed, Chunks(team_files.stream(file, parsed.offset, parsed.size)))
            return
    raise ArchiveError(team_files.locate(published.index.file), f"has no item {item!r}", "Correct its folder and name")


def differences_of(team_files: Storage, published: Published, tell: Tell | None = None) -> Iterator[str]:
    """What differs between an archive and its manifest, in words, one after the other as it is found."""
    wrong = list(_wrong_sizes(team_files, published))
    if wrong:
        yield from wrong
        return
    groups = _Groups(team_files, published)
    readers = 1 if team_files.keeps_parts else READERS  # no ranges there: each file is one stream
    streams: dict[str, Chunks] = {}

    def check(group: _Group) -> list[str]:
        if team_files.keeps_parts:
            size = published.volumes[group.file][0]
            chunks = streams.setdefault(group.file, Chunks(team_files.stream(group.file, 0, size)))
        else:
            chunks = Chunks(team_files.stream(group.file, group.offset, group.size))
        return _check(group, chunks, published)

    begun: deque[tuple[_Group, Future[list[str]]]] = deque()
    done = 0

    def ended() -> list[str]:
        nonlocal done
        group, found = begun.popleft()
        differing = found.result()
        done += group.size
        if tell is not None:
            tell(done, published.bytes)
        return differing

    pool = ThreadPoolExecutor(readers, thread_name_prefix="savemasks-verify")
    try:
        for group in groups:
            begun.append((group, pool.submit(check, group)))
            while len(begun) > readers:
                yield from ended()
        while begun:
            yield from ended()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    yield from groups.damaged
    for file in published.root_files:
        running = sha256()
        for chunk in team_files.stream(file.file, 0, file.size):
            running.update(chunk)
        if running.hexdigest() != file.sha256:
            yield f"{file.file}: differs"


def _wrong_sizes(team_files: Storage, published: Published) -> Iterator[str]:
    """Files that are missing or of another length: then nothing else can be said of them."""
    sizes = {file: size for file, (size, _) in published.volumes.items()}
    sizes |= {file.file: file.size for file in (published.index, *published.root_files)}
    for file, size in sizes.items():
        entry = team_files.stat(file)
        if entry is None or entry.size != size:
            yield f"{file}: {'missing' if entry is None else f'{entry.size} bytes'}, expected {size} bytes"


@dataclass(slots=True)
class _Group:
    """A run of an archive's bytes: head, items, tail and end, whatever of them lies in it."""

    file: str
    offset: int
    size: int = 0
    head: bool = False
    tail: bool = False
    end: bool = False
    items: list[IndexLine] = field(default_factory=list)


def _check(group: _Group, chunks: Chunks, published: Published) -> list[str]:
    found = []
    if group.head:
        found += [f"{group.file}: {difference}" for difference in head_differences(published.head, chunks)]
    for item in group.items:
        found += [f"{group.file}: {difference}" for difference in differences(item, chunks)]
    for file in published.tail if group.tail else ():
        found += [f"{group.file}: {difference}" for difference in member_differences(file, chunks)]
    if group.end and chunks.whole(len(tar.END)) != tar.END:
        found.append(f"{group.file}: the end of the archive is damaged")
    return found


class _Groups:
    """The groups of an archive in its order. `damaged` tells of the index, once all have been given out."""

    def __init__(self, team_files: Storage, published: Published) -> None:
        self._team_files = team_files
        self._published = published
        self.damaged: list[str] = []

    def __iter__(self) -> Iterator[_Group]:
        index = self._published.index
        files = list(self._published.volumes)
        running = sha256()
        volume = at = 0
        group = _Group(files[0], 0, self._published.head.size, head=True)
        for raw in read_lines(self._team_files, index.file, index.size):
            running.update(raw)
            line = self._sound(raw, at)
            at += len(raw)
            if line is None:
                break  # what follows cannot be placed; the index says so by its checksum
            if line.volume == volume + 1 < len(files):
                yield self._ended(group)
                volume, group = volume + 1, _Group(files[volume + 1], 0, self._published.head.size, head=True)
            if line.volume != volume or line.offset != group.offset + group.size:
                self.damaged.append(f"{index.file}: {line.item} does not follow the item before it")
                break
            if group.items and (group.size + line.size > GROUP_BYTES or len(group.items) == GROUP_ITEMS):
                yield group
                group = _Group(group.file, group.offset + group.size)
            group.items.append(line)
            group.size += line.size
        else:
            if running.hexdigest() != index.sha256:
                self.damaged.append(f"{index.file}: differs")
            if volume != len(files) - 1:
                self.damaged.append(f"{index.file}: ends before the volume {files[volume + 1]}")
            yield self._ended(group)
            return
        if not self.damaged:
            self.damaged.append(f"{index.file}: differs")
        yield group

    def _sound(self, raw: bytes, at: int) -> IndexLine | None:
        """A line, None where it is damaged or contradicts itself. at: its place in the index."""
        try:
            line = parse_line(raw)
            check_places(line)
        except ValueError:
            self.damaged.append(f"{self._published.index.file}: the line at byte {at} is damaged")
            return None
        return line

    def _ended(self, group: _Group) -> _Group:
        """The last group of a volume, with what stands at its end."""
        whole = self._published.volumes[group.file][0]
        is_last = group.file == list(self._published.volumes)[-1]
        tail = sum(map(size_of_member, self._published.tail)) if is_last else 0
        at = group.offset + group.size
        if at + tail + len(tar.END) != whole:
            self.damaged.append(f"{group.file}: its items end at byte {at} of {whole}")
        else:
            group.size += tail + len(tar.END)
            group.tail, group.end = is_last, True
        return group
