"""Whether an item's bytes are those that its line of the index tells of. Pure.

The content of each member has its SHA-256 there. Headers and padding follow from names and sizes, so that they are made
again and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.index import IndexLine, Member
from airflow_savemasks.engine.archive.manifest_file import File, Head
from airflow_savemasks.engine.archive.naming import META


class Chunks:
    """Bytes that come in chunks, taken in pieces of asked-for sizes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes in pieces; less where there are no more."""
        while size > 0:
            if not self._held:
                self._held = memoryview(next(self._chunks, b""))
                if not self._held:
                    return
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece

    def whole(self, size: int) -> bytes:
        return b"".join(self.take(size))


def check_places(line: IndexLine) -> None:
    """Raises ValueError where a line contradicts itself: then nothing can be said of the bytes."""
    at = 0
    for member in line.members:
        at += len(tar.header(member.name, member.size))
        if member.offset != at:
            raise ValueError(f"{line.item}: its members do not follow each other")
        at += member.size + len(tar.padding(member.size))
    if at != line.size:
        raise ValueError(f"{line.item}: its members do not fill it")


def differences(line: IndexLine, chunks: Chunks) -> list[str]:
    """What differs in an item, in words; empty if nothing does. chunks: its bytes; `line.size` of them are taken.

    Raises ValueError as `check_places` does.
    """
    check_places(line)
    return [difference for member in line.members for difference in member_differences(member, chunks)]


def member_differences(member: Member | File, chunks: Chunks) -> list[str]:
    """The same for one member, whose bytes are taken."""
    found = []
    name = member.name if isinstance(member, Member) else member.file
    header = tar.header(name, member.size)
    if chunks.whole(len(header)) != header:
        found.append(f"the tar header of {name} differs")
    running = sha256()
    for piece in chunks.take(member.size):
        running.update(piece)
    if running.hexdigest() != member.sha256:
        found.append(f"{name} differs")
    padding = tar.padding(member.size)
    if chunks.whole(len(padding)) != padding:
        found.append(f"what follows {name} differs")
    return found


def size_of_member(file: File) -> int:
    """Bytes of a file as a member of a tar, with its header and what fills it up."""
    return len(tar.header(file.file, file.size)) + file.size + len(tar.padding(file.size))


def head_differences(head: Head, chunks: Chunks) -> list[str]:
    """The same for what a volume begins with, `head.size` bytes."""
    whole = chunks.whole(head.size)
    if sha256(whole).hexdigest() == head.sha256:
        return []
    found = []
    at = 0
    for file in head.files:
        header, padding = tar.header(file.file, file.size), tar.padding(file.size)
        content = whole[at + len(header) : at + len(header) + file.size]
        if whole[at:].startswith(header + content + padding) and sha256(content).hexdigest() == file.sha256:
            at += len(header) + file.size + len(padding)
            continue
        found.append(f"{file.file} differs")
        at += len(header) + file.size + len(padding)
    return found or [f"{META} differs"]
